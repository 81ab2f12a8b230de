import type { workspaceDialogs as english } from "../en/workspaceDialogs";

export const workspaceDialogs: typeof english = {
  skipDialog: {
    title: "跳过这张图片",
    reason: "原因",
    reasons: {
      nothing: "没有可标注的目标",
      blurred: "过于模糊",
      duplicate: "重复图片",
      elsewhere: "与本项目无关",
    },
    skip: "跳过图片",
    cancel: "不跳过",
  },

  sendBackDialog: {
    title: "退回这张图片",
    reason: "需要修改的内容",
    why: (mask) =>
      mask === null
        ? "标注员会在图片上方看到此说明。若针对某个掩码，请先选择该掩码。"
        : `标注员会在图片上方和掩码 ${mask} 处看到此说明。`,
    send: "退回",
    cancel: "不退回",
  },

  refusedDialog: {
    title: "未保存的掩码",
    why: "在您决定之前，它们保存在此浏览器中。",
    again: "重试",
    giveUp: "放弃我的版本",
    download: "下载",
    close: "稍后",
    of: (fileName) => `（${fileName}）`,
    conflict: "他人同时修改了此掩码。两个版本都保存在服务器上。",
    mine: "使用我的版本",
    theirs: "使用对方的版本",
    mineIs: "我的版本",
    theirsIs: "对方的版本",
    describe: (area, category) => `${area}，${category}`,
    removal: "您已将其删除。",
    theirRemoval: "对方已将其删除。",
    undecided: "未处理的建议",
  },

  keysDialog: {
    title: "快捷键",
    how: "点击某一行可更换其按键。",
    press: "请按新的按键",
    stop: "按 Esc 保持不变",
    none: "无按键",
    reserved: (chord) => `${chord} 已被浏览器或页面导航占用。请换一个。`,
    taken: (chord, other) => `${chord} 目前用于：${other}。`,
    swap: "互换两者",
    leave: "保持不变",
    bound: (does, chord) => `${chord}：${does}`,
    reset: "重置",
    resetOf: (does) => `重置按键：${does}`,
    resetAll: "重置所有按键",
    single: "不带 Ctrl 或 Alt 的按键",
    singleWhat: "单独的字母、数字和符号。若您使用语音输入或容易误触，请将其关闭；所有操作仍在操作列表中（[[Ctrl+K]]）。",
    pointer: "使用指针",
  },

  commands: {
    title: "全部操作",
    placeholder: "您想做什么？",
    none: "没有这个名称的操作。",
    images: "图片",
    pages: "项目页面",
    help: "帮助",
    goTo: (fileName) => `前往 ${fileName}`,
    tour: "新手引导",
  },

  tour: {
    heading: "第一个掩码",
    of: (step, steps) => `${step} / ${steps}`,
    steps: {
      click: "点击图片中的目标，或拖动画框将其框住，模型会画出掩码。用键盘：方向键，然后",
      correct: "缺少一部分？点击它。多余的部分用右键点击。用键盘：",
      keep: "掩码正确后将其保留：",
      undo: "所有操作都可以撤销。试一试；重做可以恢复：",
      finish: "以同样的方式标注其余目标，然后完成图片：",
    },
    close: "跳过提示",
    done: "知道了",
  },
};
