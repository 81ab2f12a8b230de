// Markdown as React elements. Nothing is ever read as HTML: tags in the text stay text, and links go to the web only.
import type { Nodes, Root, RootContent } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";
import { createElement, Fragment, type ReactNode, useMemo } from "react";
import classes from "./markdown.module.css";

/** `topHeading`: what a first-level heading becomes, so that the text fits into the page's outline (1..6). */
export function Markdown({ text, topHeading = 3 }: { text: string; topHeading?: number }): ReactNode {
  const root = useMemo<Root>(() => fromMarkdown(text), [text]);
  const linkOf = useMemo(() => definitionsIn(root), [root]);
  return <div className={classes["markdown"]}>{childrenOf(root, { linkOf, topHeading })}</div>;
}

interface Rules {
  readonly linkOf: (identifier: string) => string;
  readonly topHeading: number;
}

const childrenOf = (node: { children: readonly RootContent[] }, rules: Rules): ReactNode =>
  node.children.map((child, i) => <Fragment key={i}>{elementOf(child, rules)}</Fragment>);

function elementOf(node: Nodes, rules: Rules): ReactNode {
  switch (node.type) {
    case "text":
    case "html":
      return node.value;
    case "paragraph":
      return <p>{childrenOf(node, rules)}</p>;
    case "heading":
      return createElement(`h${Math.min(6, rules.topHeading + node.depth - 1)}`, null, childrenOf(node, rules));
    case "emphasis":
      return <em>{childrenOf(node, rules)}</em>;
    case "strong":
      return <strong>{childrenOf(node, rules)}</strong>;
    case "inlineCode":
      return <code>{node.value}</code>;
    case "code":
      return <pre tabIndex={0}><code>{node.value}</code></pre>;
    case "blockquote":
      return <blockquote>{childrenOf(node, rules)}</blockquote>;
    case "list":
      return node.ordered === true ? <ol start={node.start ?? 1}>{childrenOf(node, rules)}</ol> : <ul>{childrenOf(node, rules)}</ul>;
    case "listItem":
      return <li>{childrenOf(node, rules)}</li>;
    case "break":
      return <br />;
    case "thematicBreak":
      return <hr />;
    case "link":
      return <WebLink url={node.url}>{childrenOf(node, rules)}</WebLink>;
    case "linkReference":
      return <WebLink url={rules.linkOf(node.identifier)}>{childrenOf(node, rules)}</WebLink>;
    case "image":
    case "imageReference":
      return node.alt ?? ""; // the page loads nothing from elsewhere
    default:
      return null;
  }
}

/** Another scheme than http and https is no link; the text stays. */
function WebLink({ url, children }: { url: string; children: ReactNode }): ReactNode {
  if (!/^https?:\/\//i.test(url)) return <>{children}</>;
  return <a href={url} target="_blank" rel="noopener noreferrer nofollow">{children}</a>;
}

function definitionsIn(root: Root): (identifier: string) => string {
  const urls = new Map(root.children.flatMap((node) => (node.type === "definition" ? [[node.identifier, node.url] as const] : [])));
  return (identifier) => urls.get(identifier) ?? "";
}
