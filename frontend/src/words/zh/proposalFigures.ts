import type { Words } from "../en";

export const proposalFigures: Words["proposalFigures"] = {
  title: "哪个得分节省的点击最多",
  notRead: "无法读取建议的统计数据",
  noDetector: "还没有检测器。请在“模型”中运行一次检测器训练。",
  tooFew: (proposals, need) => `需要 ${need} 个已处理的该检测器建议；目前有 ${proposals} 个。`,
  noneByHand: (need) => `需要 ${need} 个由标注者借助模型绘制的掩码作为对照。`,
  savesNothing: (byHand) => `手动绘制一个掩码需要 ${byHand} 次点击。在这些得分下，建议都没有节省点击：更多掩码能训练出更好的检测器。`,
  isBest: (byHand) => `手动绘制一个掩码需要 ${byHand} 次点击。表单中的得分节省最多。`,
  best: (score, byHand) => `手动绘制一个掩码需要 ${byHand} 次点击。得分不低于 ${score} 的建议本可节省最多。`,
  score: "得分不低于",
  proposals: "建议",
  kept: "保留",
  edited: "已修正",
  rejected: "已拒绝",
  saved: "每个节省的点击",
  savedInAll: "共节省的点击",
  unknown: "尚不清楚",
  chosen: "已填入表单",
  use: "采用",
  useScore: (score) => `采用得分 ${score}`,
};
