import type { ExportFormat } from "../../api/types";
import { count } from "../counting";
import type { Words } from "../en";

const formats: Readonly<Record<ExportFormat, { label: string; description: string }>> = {
  coco: { label: "COCO", description: "一个 annotations.json，掩码为压缩游程编码，pycocotools 和多数训练代码可直接加载。" },
  sa1b: { label: "SA-1B", description: "每张图片旁一个 json，字段与 SA-1B 数据集一致。" },
};

export const exporting: Words["exporting"] = {
  title: "导出",
  notRead: "无法读取导出",
  safe: "已完成的导出仍在服务器上。",
  none: "还没有导出",
  noneText: "导出文件为 .zip，包含掩码、可选的图片，以及校验和清单。",
  older: "显示更早的导出",
  make: "导出数据集",
  format: "格式",
  formats,
  withPhotos: "包含图片",
  withPhotosText: "图片为原始文件。不包含时，只导出掩码和文件名。",
  notStarted: "导出未能开始",
  nothingChanged: "没有任何更改。",
  start: "开始导出",
  noImages: "还没有可导出的图片。",
  asOfNow: (masks, images) => `目前 ${count(images)} 张图片，${count(masks)} 个掩码`,
  noMasks: "还没有保留任何掩码，导出将只列出图片。",

  name: (format, hasPhotos) => `${formats[format].label}${hasPhotos ? "，含图片" : "，仅掩码"}`,
  item: (id, name) => `导出 ${id}，${name}`,
  failed: "失败，原因未知；详见工作进程日志。",
  download: "下载",
  cancel: "取消",
  runAgain: "重新运行",
  remove: "删除",
  keep: "保留",
  removeForGood: "永久删除",
  images: (value) => `${count(value)} 张图片`,
  masks: (value) => `${count(value)} 个掩码`,
  checksum: ".zip 的 sha256",
  code: "在 Python 中加载（解压到名为 dataset 的文件夹）",
};
