import type { Words } from "../en";

export const roles: Words["roles"] = {
  admin: { label: "管理员", does: "管理项目、人员和导出" },
  annotator: { label: "标注员", does: "制作和修正掩码" },
  researcher: { label: "研究员", does: "浏览和导出" },
};
