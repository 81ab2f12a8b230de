import { count } from "../counting";
import type { Words } from "../en";

export const projects: Words["projects"] = {
  title: "项目",
  create: "创建项目",
  notRead: "无法读取项目",
  none: "还没有项目",
  noneForAdmin: "项目包含图片、图片上的掩码，以及制作掩码的人员。",
  noneForOthers: "您还不是任何项目的成员。管理员可以在项目的“设置”中添加您。",
  noImages: "还没有图片",
  done: (done, images) => `已完成 ${count(done)} / ${count(images)} 张图片`,
  shareDone: (name) => `${name} 的图片完成比例`,
  masks: (masks) => `${count(masks)} 个掩码`,
  name: "名称",
  nameExample: "街道设施 2026",
  description: "说明（可选）",
  descriptionExample: "图片里有什么，怎样算一个掩码",
  cancel: "取消",
  deleted: "已删除",
  deletedOn: (when, images, masks) => `${when} 删除，${count(images)} 张图片，${count(masks)} 个掩码`,
  restore: "恢复",
  restoreThis: (name) => `恢复 ${name}`,
  restored: (name) => `${name} 已恢复。`,
};
