import { count } from "../counting";
import type { Words } from "../en";

const images = (value: number | null): string => (value === null ? "图片" : `${count(value)} 张图片`);
const stage = (name: string | null): string => (name === null ? "下一阶段" : `“${name}”阶段`);
const run = (id: string | null): string => (id === null ? "一次训练" : `训练 ${id} `);
const version = (name: string | null): string => (name === null ? "默认版本" : `${name} `);
const image = (fileName: string | null): string => (fileName === null ? "一张图片" : `${fileName} `);

export const activity: Words["activity"] = {
  title: "动态",
  notRead: "无法读取记录",
  none: "还没有任何决定",
  noneText: "移入、设置更改、训练、上线和快照都记录在这里，包括操作人和原因。",
  older: "显示更早的记录",
  byRule: "按规则自动执行",
  by: (who, when) => `${who}，${when}`,
  nothing: "无",

  admitted: (value, to) => `${images(value)}进入${stage(to)}`,
  reverted: (value, from) => `${images(value)}从${stage(from)}撤回`,
  stageChanged: (name) => `${stage(name)}的设置已更改`,
  exitReached: (name) => `${stage(name)}的完成规则已满足`,
  trainingPolicyChanged: "训练策略已更改",
  projectDeleted: "项目已删除",
  projectRestored: "项目已恢复",
  runStarted: (id) => `${run(id)}已开始`,
  runFinished: (id) => `${run(id)}已完成`,
  runFailed: (id) => `${run(id)}失败`,
  runCancelled: (id) => `${run(id)}已取消`,
  promoted: (name) => `${version(name)}已上线`,
  rolledBack: (name) => `已回滚到 ${name ?? "默认版本"}`,
  detectorRolledBack: (name) => (name === null ? "检测器已回滚，目前没有检测器" : `检测器已回滚到 ${name}`),
  refused: (name) => `${version(name)}未通过上线门槛`,
  detectorPromoted: (name) => `检测器 ${version(name)}已上线`,
  snapshotMade: (number) => (number === null ? "已生成快照" : `已生成快照 ${number}`),
  auditPassed: "自动掩码抽检通过",
  freed: (fileName, from) => `${image(fileName)}已从${from === null ? "标注员" : ` ${from} `}处收回并放回队列`,
  accepted: (fileName) => `${image(fileName)}已通过审核`,
  sentBack: (fileName) => `${image(fileName)}被退回`,
};
