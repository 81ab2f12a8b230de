import type { workspaceDecoding as english } from "../en/workspaceDecoding";

const milliseconds = (value: number | null): string => (value === null ? "" : ` ${Math.round(value)} 毫秒`);

export const workspaceDecoding: typeof english = {
  decoding: {
    badge: {
      browser: (value) => `浏览器${milliseconds(value)}`,
      server: (value) => `服务器${milliseconds(value)}`,
      closer: (value) => `局部精细${milliseconds(value)}`,
    },
    inBrowser: (modelVersion, weights) => `掩码在此浏览器中生成，模型 ${modelVersion}（${weights} 权重）。`,
    why: {
      starting: "在模型于此浏览器中就绪之前，掩码由服务器生成。",
      notIsolated: "掩码由服务器生成：此浏览器未按要求隔离页面。",
      noWasm: "掩码由服务器生成：此浏览器不支持 WebAssembly。",
      slow: (value) => `掩码由服务器生成：此浏览器生成一个需要 ${Math.round(value)} 毫秒。`,
      failed: (message) => `掩码由服务器生成：此浏览器无法生成。${message}`,
    },
    answeredByServer: "此掩码由服务器生成。",
    closer: "图片的这一区域已在服务器上单独编码，以获得更精细的掩码。",
    hoverOn: "指针下的预览已开启",
    hoverOff: "指针下的预览已关闭",
  },
};
