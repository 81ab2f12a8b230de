// One image of the grid. Plain elements, memoised: in a fast scroll a hundred of them are made each second.
import { memo, type ReactNode, useEffect, useState } from "react";
import { reasonWords } from "../../api/errors";
import { displayUrl, thumbnailUrl } from "../../api/images";
import type { Image } from "../../api/types";
import { count } from "../../ui/format";
import { words } from "../../words/images";
import { STATE_MARKS } from "./imageStates";

/** A tile that only flies past in a fast scroll asks the server for nothing. */
const LINGER_MS = 120;

interface TileProps {
  image: Image;
  index: number;
  isTabStop: boolean;
  /** Who may not annotate looks at the picture itself. */
  opensWorkspace: boolean;
}

export const Tile = memo(function Tile({ image, index, isTabStop, opensWorkspace }: TileProps): ReactNode {
  const { colour, Icon } = STATE_MARKS[image.state];
  const reason = image.state === "skipped" ? reasonWords(image.skip_reason) : null;
  const target = opensWorkspace
    ? { href: `/projects/${image.project_id}/annotate?image=${image.id}` }
    : { href: displayUrl(image.id), target: "_blank", rel: "noreferrer" };
  return (
    <a {...target} className="tile" data-index={index} tabIndex={isTabStop ? 0 : -1} title={reason === null ? image.file_name : `${image.file_name}\n${reason}`}>
      <span className="tile-photo">
        <Thumbnail imageId={image.id} />
        {reason !== null && (
          <span className="tile-reason">
            <span className="sr-only">{words.skippedFor} </span>
            {reason}
          </span>
        )}
      </span>
      <span className="tile-caption tabular">
        <Icon size={14} color={colour} aria-hidden />
        <span className="tile-name">{image.file_name.split("/").at(-1)}</span>
        <span className="sr-only">{words.states[image.state]}</span>
        {image.annotation_count > 0 && (
          <span>
            {count(image.annotation_count)}
            <span className="sr-only"> {words.masks(image.annotation_count)}</span>
          </span>
        )}
      </span>
    </a>
  );
});

function Thumbnail({ imageId }: { imageId: number }): ReactNode {
  const [isDue, setIsDue] = useState(false);
  const [isBroken, setIsBroken] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setIsDue(true), LINGER_MS);
    return () => window.clearTimeout(timer);
  }, []);
  if (!isDue || isBroken) return null;
  return <img src={thumbnailUrl(imageId)} alt="" decoding="async" draggable={false} onError={() => setIsBroken(true)} />;
}
