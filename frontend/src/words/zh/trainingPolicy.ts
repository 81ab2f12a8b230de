import { count } from "../counting";
import type { Words } from "../en";

export const trainingPolicy: Words["trainingPolicy"] = {
  title: "训练策略",
  notRead: "无法读取策略",
  saved: "训练策略已保存",
  save: "保存策略",
  sentence: ({ masks, hours, isPromoted, isElsewhere }) => {
    const when = [
      masks === null ? null : `每新增 ${count(masks)} 个掩码`,
      hours === null ? null : `每 ${count(hours)} 小时`,
    ].filter((part) => part !== null);
    const where = isElsewhere ? "在您自己的机器上" : "";
    const start = when.length === 0 ? `只能手动${where}开始训练` : `${when.join("或")}${where}开始一次训练`;
    return `${start}；通过门槛的版本${isPromoted ? "自动上线" : "等待管理员决定"}。`;
  },
  waitsForFrozen: (have, need) => `尚不会自动开始训练：比较需要 ${count(need)} 张有已保留掩码的冻结图片，目前有 ${count(have)} 张。`,

  when: "何时自动开始训练",
  newMasks: "新增掩码",
  notByCount: "不按数量",
  masks: "个掩码",
  schedule: "定时",
  notByTime: "不按时间",
  hours: "小时",
  minMasks: "掩码不少于",
  frozen: "冻结比例",
  frozenFixed: "已由第一个快照固定。",
  frozenText: "占全部图片；从不用于训练，只用于比较模型。",
  detector: "同时训练检测器",
  detectorText: "每次自动开始的训练之后，以及编码器不同的模型上线时。",

  how: "训练方式",
  tune: "可变部分",
  tuneText: "越少越快，遗忘也越少。",
  tunes: { decoder: "仅解码器", head: "仅最后几层", lora: "低秩适配器（LoRA）", full: "全部" },
  base: "起点",
  baseLive: "线上版本",
  baseFirst: "最初版本",
  steps: "步数",
  batch: "每步图片数",
  rate: "学习率",
  time: "最长时间",
  minutes: "分钟",
  keepBase: "保留旧版本的比例",
  keepBaseText: "旧权重在新模型中所占的份额：遗忘更少，学得也更少。",
  closer: "标注员放大查看",
  closerText: "也用图片的局部训练，并在局部上比较版本。",
  augment: "图片增强与镜像",
  augmentText: "掩码少时效果更好，但更慢。",
  automatic: "使用自动掩码",
  automaticText: "包括无人查看过的。",

  gate: "上线门槛",
  measure: "比较指标",
  measures: { iou_1: "1 次点击后的平均 IoU", iou_3: "3 次点击后的平均 IoU", noc_85: "达到 IoU 0.85 的点击数" },
  gain: "最小提升",
  gainText: "整个 95% 置信区间须高于此值。",
  loss: "通用损失上限",
  lossText: "连同之前各轮，在通用图片上允许损失的平均 IoU。",
  promote: "自动上线",
  promoteText: "否则通过的版本等待管理员决定。",

  elsewhere: "外部训练",
  hook: "每次训练通知的地址",
  hookText: "由您的集群训练，并传回权重文件。没有地址时，密钥会被清除。",
  here: "在本机训练",
  secret: "用于签名的密钥",
  hasSecret: "已保存；输入即可替换。",
  secretOfAddress: "密钥随地址保存：请先填写地址。",
  noSecret: "尚未保存。",
  command: "用系统配置的命令训练",
};
