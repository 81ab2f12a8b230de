import { count } from "../counting";
import type { Words } from "../en";

const afterRun = "训练评估完成后，在冻结图片上测得。";
const afterMasks = "有人用此模型绘制掩码后测得。";

export const flywheel: Words["flywheel"] = {
  notRead: "无法读取轮次",
  rounds: "轮次",
  roundsText: "模型上线即开始新的一轮。质量在冻结图片上测得；工作量和建议数据来自使用该模型的人员。",
  none: "数据飞轮还没有转起来",
  noneText: "每个重新训练的模型在这里构成一轮：质量如何、人员用它有多快、保留了多少建议。保留第一个掩码时，第一轮开始。",
  showModels: "查看模型",

  measures: {
    iou: { title: "平均 IoU", note: "每次训练的冻结图片上点击 1、3、5 次后", whenEmpty: afterRun, series: ["1 次点击", "3 次点击", "5 次点击"] },
    noc: { title: "达到 IoU 0.85 的点击数", note: "每次训练的冻结图片上的均值", whenEmpty: afterRun, series: ["点击数"] },
    calibration: { title: "预测 IoU 的误差", note: "每次训练的冻结图片上的平均偏差", whenEmpty: afterRun, series: ["误差"] },
    seconds: { title: "每个掩码用时（秒）", note: "人员绘制的掩码的中位数", whenEmpty: afterMasks, series: ["中位数"] },
    clicks: { title: "每个掩码的点击数", note: "人员绘制的掩码的均值", whenEmpty: afterMasks, series: ["均值"] },
    masks: { title: "每张图片的掩码数", note: "已完成图片的均值", whenEmpty: "用此模型完成一张图片后测得。", series: ["均值"] },
  },
  secondsUnit: "秒",
  roundOf: (round, rounds) => `第 ${round} 轮，共 ${count(rounds)} 轮`,
  beforeNumber: "轮次 ",
  live: "线上",
  masks: (value) => `${count(value)} 个掩码`,
  same: (round) => `与第 ${round} 轮相同`,
  against: (change, round) => `较第 ${round} 轮 ${change}`,
  paired: (difference, rival, live) => `较${rival} ${difference}，后者在相同掩码上为 ${live}`,
  theRound: (round) => `第 ${round} 轮`,
  liveThen: "当时的线上版本",
  better: "，更好",
  worse: "，更差",
  nothingYet: (series) => `${series}：暂无数据`,
  once: (series, value) => `${series} ${value}`,
  fromTo: (series, first, last) => `${series}从 ${first} 到 ${last}`,
  chart: (title, rounds, series) => `${rounds} 轮的${title}：${series.join("；")}。具体数值见下表。`,

  proposals: {
    title: "建议",
    parts: { kept: "保留", edited: "修正", rejected: "拒绝" },
    kept: (share) => `保留 ${share}`,
    rest: (edited, rejected, judged) => `共 ${count(judged)} 个，修正 ${edited}，拒绝 ${rejected}；`,
    added: (masks) => `补充 ${count(masks)} 个掩码`,
    chart: (rounds) => `${rounds} 轮中建议的去向。具体数值见下表。`,
    none: "还没有审核过任何建议。建议在半自动阶段产生。",
  },

  table: {
    title: "表格形式",
    text: "IoU 和达到 IoU 0.85 的点击数为每次训练的冻结图片上的均值，附 95% 置信区间。每次训练的冻结图片都会增多，因此版本之间按与当时线上版本在相同掩码上的差值比较。",
    round: "轮次",
    model: "模型",
    liveSince: "上线时间",
    live: "（线上）",
    start: "初始",
    masks: "掩码",
    iou1: "IoU，1 次点击",
    iou3: "3 次点击",
    iou5: "5 次点击",
    noc: "达到 0.85 的点击数",
    iou1Difference: "IoU（1 次点击）差值",
    nocDifference: "达到 0.85 的点击数差值",
    calibration: "预测 IoU 的误差",
    seconds: "用时中位数",
    clicks: "平均点击数",
    masksPerImage: "每张图片的掩码数",
    kept: "保留",
    edited: "修正",
    rejected: "拒绝",
    added: "补充",
  },

  people: {
    title: "人员",
    text: "按姓名排序。用时取决于各人分到的图片，不构成排名。",
    notRead: "无法读取数据",
    none: "还没有人保留掩码。",
    person: "人员",
    columns: ["掩码", "用时中位数", "点击中位数", "保留的建议", "修正", "拒绝"],
  },
};
