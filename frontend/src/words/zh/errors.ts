import type { Words } from "../en";
import { reasonInChinese } from "./reasons";
import { refusals } from "./refusals";

export const errors: Words["errors"] = {
  noAnswer: "服务器没有响应。数据不会丢失，待服务器恢复后请重试。",
  unexplained: (status) => `服务器返回 ${status}，未说明原因。`,
  refusal: (code, theirs) => refusals[code]?.(theirs) ?? theirs,
  reason: reasonInChinese,
  cancelledUpload: "上传已取消。",
};
