import type { Words } from "../en";

export const people: Words["people"] = {
  title: "人员",
  notAdmin: "人员由系统管理员管理",
  notAdminText: "如需为他人开通，请联系系统管理员。",
  add: "添加人员",
  notRead: "无法读取人员",
  person: "人员",
  role: "角色",
  maySignIn: "允许登录",
  actions: "操作",
  you: "（您）",
  roleOf: (who) => `${who} 的角色`,
  maySignInOf: (who) => `允许 ${who} 登录`,
  notChanged: (who) => `${who} 未更改`,
  noLink: "未能生成链接",
  newLink: "新登录链接",
  newLinkFor: (who) => `为 ${who} 生成新登录链接`,
  email: "邮箱",
  name: "姓名（可选）",
  cancel: "取消",
  close: "关闭",
  link: {
    title: "登录链接",
    text: (email) => `请将此链接交给 ${email}。它只能登录一次，且仅显示这一次；您可以随时再生成。`,
    label: "链接",
  },
};
