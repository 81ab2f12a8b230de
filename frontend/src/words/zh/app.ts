import { count } from "../counting";
import type { Words } from "../en";

export const app: Words["app"] = {
  skip: "跳到正文",
  main: "主导航",
  projects: "项目",
  people: "人员",
  lost: "服务器没有响应，显示的内容可能已过时；恢复后页面会自动继续。",
  close: "关闭",
  closeMessage: "关闭此消息",

  scheme: { choose: "浅色或深色", auto: "跟随系统", dark: "深色", light: "浅色" },
  chosen: "已选",
  language: "语言",
  accountOf: (name) => `${name} 的账户`,
  addressAndRole: (email, role) => (email ? `${email}，${role}` : role),
  passwordAndTokens: "密码与令牌",
  signOut: "退出登录",

  project: {
    none: "还没有图片",
    done: (done, images, masks) => `已完成 ${count(done)} / ${count(images)} 张图片，${count(masks)} 个掩码`,
    review: "审核",
    annotate: "标注",
    addFirst: "请先添加图片",
    tabs: "项目",
    images: "图片",
    pipeline: "流程",
    flywheel: "数据飞轮",
    models: "模型",
    exports: "导出",
    jobs: "任务",
    activity: "动态",
    settings: "设置",
    modelServer: "模型服务器没有响应，点击暂时得不到掩码。图片、已保留的掩码和导出不受影响。",
  },

  notFound: { title: "页面不存在", text: "网址可能不完整，或对应的内容已不存在。" },
  showProjects: "查看项目",
  noAnswer: { title: "服务器没有响应", text: "服务器可能正在启动或已停止；恢复后页面会自动打开。" },
  notOpened: "页面无法打开",
  nothingChanged: "没有任何更改。",
  deleted: { title: "项目已被删除", text: "有人删除了该项目。图片和掩码已保留；系统管理员可以在“项目”页面恢复它。" },
  unknown: { title: "项目不存在", text: "该项目不存在，或您不是其成员。项目管理员可以在“设置”中添加您。" },
};
