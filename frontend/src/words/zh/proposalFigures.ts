import type { Words } from "../en";

const byHandWords = (byHand: string): string => `没有建议时，一个掩码平均需要 ${byHand} 次点击。`;

export const proposalFigures: Words["proposalFigures"] = {
  title: "采用哪个得分最省点击",
  notRead: "无法读取建议的统计数据",
  noDetector: "还没有检测器。请在“模型”中运行一次检测器训练。",
  tooFew: (proposals, need) => `需要 ${need} 个已处理的建议（来自该检测器）；目前有 ${proposals} 个。`,
  noneByHand: (need) => `需要 ${need} 个由标注员借助模型绘制的掩码作为对照。`,
  savesNothing: (byHand, need) =>
    `${byHandWords(byHand)}在已处理建议不少于 ${need} 个的得分中，没有一个节省了点击：更多掩码能训练出更好的检测器。`,
  isBest: (byHand) => `${byHandWords(byHand)}表单中的得分节省最多。这是上限：检测器找到的多是较容易的物体。`,
  best: (score, byHand) => `${byHandWords(byHand)}若只采用得分不低于 ${score} 的建议，节省的点击最多。这是上限：检测器找到的多是较容易的物体。`,
  score: "得分不低于",
  proposals: "建议",
  kept: "保留",
  edited: "修正",
  rejected: "拒绝",
  saved: "每个建议节省的点击数",
  savedInAll: "节省的点击总数",
  unknown: "尚不清楚",
  chosen: "已填入表单",
  use: "采用",
  chosenScore: (score) => `表单中的得分为 ${score}`,
  actions: "采用",
  useScore: (score) => `采用得分 ${score}`,
};
