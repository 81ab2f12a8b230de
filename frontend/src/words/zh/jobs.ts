import type { Words } from "../en";

export const jobs: Words["jobs"] = {
  notRead: "无法读取任务",
  none: "还没有后台任务",
  noneText: "导出、训练等耗时任务会显示在这里，包括进度和结果。",
  times: (value) => `，${value} 次`,
  attempt: (attempt, of) => `，第 ${attempt} 次尝试，共 ${of} 次`,
  older: "显示更早的任务",
  cancel: "取消",
  runAgain: "重新运行",
};
