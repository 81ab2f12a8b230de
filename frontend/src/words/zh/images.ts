import type { ImageState } from "../../api/types";
import { count } from "../counting";
import type { Words } from "../en";

const states: Readonly<Record<ImageState, string>> = {
  ready: "待标注",
  claimed: "标注中",
  done: "已完成",
  skipped: "已跳过",
  proposing: "准备中",
};

export const images: Words["images"] = {
  title: "图片",
  states,
  all: "全部",
  filter: "按状态筛选",
  loading: "正在加载图片",
  notRead: "无法读取图片",
  masks: () => "个掩码",
  skippedFor: "跳过原因：",
  add: "添加图片",
  addFiles: "图片或 .zip",
  addFolder: "文件夹",
  busy: "已有上传正在进行，这些文件未被接收；结束后请重新添加。",
  drop: "松开即可添加图片、文件夹或 .zip",
  none: "还没有图片",
  noneText: "本项目的管理员可以添加图片。",
  noneForAdmin: "将图片、文件夹或 .zip 拖放到页面任意位置。支持 JPEG、PNG、WebP 和 TIFF，每张不超过 1 亿像素。",
  noneInState: (state) => `没有状态为“${states[state]}”的图片`,
  inAll: (value) => `项目共有 ${count(value)} 张图片。`,
  showAll: "显示全部图片",

  upload: "上传",
  sending: "正在上传",
  reading: "服务器正在读取最后的文件",
  files: (answered, of) => `${count(answered)} / ${count(of)} 个文件`,
  bytes: (sent, of) => `${sent} / ${of}`,
  cancel: "取消",
  shareSent: "上传进度",
  receipt: {
    cancelled: "上传已取消，已到达的文件会保留。",
    leftOut: (files) => `已忽略文件夹中的 ${count(files)} 个系统文件。`,
    close: "关闭",
    refusedFiles: (files) => `${count(files)} 个文件被拒绝`,
    notSentFiles: (files) => `${count(files)} 个文件未发送`,
    duplicateFiles: (files) => `${count(files)} 个文件已存在`,
    duplicatesWhy: (title) => `${title}：内容相同的文件视为同一张图片`,
    reasonOf: (fileName) => `${fileName}：`,
    added: (files) => `已添加 ${count(files)}`,
    duplicates: (files) => `已存在 ${count(files)}`,
    refused: (files) => `被拒绝 ${count(files)}`,
    notSent: (files) => `未发送 ${count(files)}`,
  },
};
