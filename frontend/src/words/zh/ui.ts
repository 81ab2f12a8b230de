import type { Words } from "../en";

export const ui: Words["ui"] = {
  duration: {
    moment: "不到 5 秒",
    seconds: (seconds) => `${seconds} 秒`,
    minutes: (minutes) => `${minutes} 分钟`,
    hours: (hours, minutes) => `${hours} 小时 ${minutes} 分钟`,
  },
  seconds: (value) => `${value} 秒`,
  interval: (value, low, high) => `${value}（${low} 至 ${high}）`,
  perSecond: (value) => `${value}/秒`,

  stages: {
    assisted_manual: { name: "人工辅助", does: "人员点击，模型给出掩码。" },
    semi_automatic: { name: "半自动", does: "模型给出建议掩码，人员修正并补充遗漏。" },
    fully_automatic: { name: "全自动", does: "模型的掩码直接保留，人员抽样审核。" },
  },

  jobKinds: {
    deliver: "通知 Webhook",
    embed: "图片预处理",
    export: "导出",
    propose: "生成建议掩码",
    rank: "队列排序",
    snapshot: "快照",
    train: "训练",
  },
  jobPhases: {
    embedding: { label: "正在预处理图片", unit: "张图片" },
    masks: { label: "正在写入掩码", unit: "个掩码" },
    pictures: { label: "正在添加图片", unit: "张图片" },
    storing: { label: "正在保存文件", unit: "" },
    snapshot: { label: "正在冻结掩码", unit: "个掩码" },
    "looking at images": { label: "正在生成建议掩码", unit: "张图片" },
    "ordering the queue": { label: "正在给队列排序", unit: "张图片" },
    reading: { label: "正在读取掩码", unit: "" },
    starting: { label: "正在启动", unit: "" },
    encoding: { label: "正在为训练预处理图片", unit: "张图片" },
    training: { label: "正在训练", unit: "步" },
    evaluating: { label: "训练中评估", unit: "个掩码" },
    drawing: { label: "正在抽取通用图片", unit: "" },
    measuring: { label: "正在与线上版本比较", unit: "" },
    announcing: { label: "正在通知项目自有训练程序", unit: "" },
    receiving: { label: "正在接收权重文件", unit: "" },
    checksum: { label: "正在校验文件", unit: "MB" },
  },
  jobStates: { queued: "等待中", running: "运行中", done: "已完成", dead: "失败", cancelled: "已取消" },
  waitingToStart: "等待开始",
  progress: (done, total, unit) => `${done} / ${total} ${unit}`.trim(),
  timeLeft: (duration) => `剩余约 ${duration}`,
  listed: (facts) => facts.join("，"),

  curve: (title, value, step, end) => `${title}，当前 ${value}，第 ${step} 步，共 ${end} 步`,
  firstStep: "第 0 步",

  copy: "复制",
  copied: "已复制",
  tryAgain: "重试",
  loading: "加载中",
  notSaved: "未保存",
  undoChanges: "撤销更改",
  overtaken: {
    title: "其他人刚刚修改了这些设置",
    text: "您输入的内容仍在，尚未保存。",
    mine: "以我的修改覆盖",
    theirs: "采用对方的修改",
  },
};
