// The virtual grid: only the rows in sight exist, however many images there are.
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useNavigate } from "@tanstack/react-router";
import {
  type KeyboardEvent,
  memo,
  type MouseEvent,
  type ReactNode,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import type { Image } from "../../api/types";
import { words } from "../../words/images";
import { Tile } from "./Tile";

const TILE_MIN_WIDTH = 176;
const GAP = 12;
const CAPTION_HEIGHT = 28;

interface GridProps {
  /** The images fetched so far; the places up to `total` are empty until theirs come. */
  images: readonly Image[];
  total: number;
  opensWorkspace: boolean;
  /** Called when a place in sight has no image yet. */
  onNeedMore: () => void;
}

export function Grid({ images, total, opensWorkspace, onNeedMore }: GridProps): ReactNode {
  const navigate = useNavigate();
  const box = useRef<HTMLDivElement>(null);
  const { width, top } = usePlace(box);
  const [tabStop, setTabStop] = useState(0);
  const columns = Math.max(1, Math.floor((width + GAP) / (TILE_MIN_WIDTH + GAP)));
  const tileWidth = (width - GAP * (columns - 1)) / columns;
  const rowHeight = Math.round(tileWidth * 0.75) + CAPTION_HEIGHT + GAP;
  const rows = useWindowVirtualizer({
    count: Math.ceil(total / columns),
    estimateSize: () => rowHeight,
    overscan: 3,
    scrollMargin: top,
  });
  useLayoutEffect(() => rows.measure(), [rows, rowHeight]);

  const inSight = rows.getVirtualItems();
  const lastInSight = Math.min(total, ((inSight.at(-1)?.index ?? -1) + 1) * columns);
  useEffect(() => {
    if (lastInSight > images.length) onNeedMore();
  }, [lastInSight, images.length, onNeedMore]);

  const firstInSight = (inSight.at(0)?.index ?? 0) * columns;
  const stop = tabStop >= firstInSight && tabStop < lastInSight ? tabStop : firstInSight;

  const moveFocus = (event: KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    const from = Number((event.target as HTMLElement).dataset["index"] ?? Number.NaN);
    if (step === undefined || Number.isNaN(from)) return;
    event.preventDefault();
    const to = Math.min(images.length - 1, Math.max(0, from + step));
    setTabStop(to);
    rows.scrollToIndex(Math.floor(to / columns), { align: "auto" });
    requestAnimationFrame(() => box.current?.querySelector<HTMLElement>(`[data-index="${to}"]`)?.focus());
  };

  // One listener instead of a router link a tile; a click with a key or another button is the browser's.
  const openImage = (event: MouseEvent): void => {
    const anchor = (event.target as HTMLElement).closest<HTMLAnchorElement>("a.tile");
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    const image = images[Number(anchor?.dataset["index"] ?? Number.NaN)];
    if (!opensWorkspace || !isPlain || image === undefined) return;
    event.preventDefault();
    void navigate({
      to: "/projects/$projectId/annotate",
      params: { projectId: image.project_id },
      search: { image: image.id },
    });
  };

  return (
    <div
      ref={box}
      className="images-grid"
      role="group"
      aria-label={words.title}
      data-loaded={images.length}
      style={{ height: rows.getTotalSize() }}
      onKeyDown={moveFocus}
      onClick={openImage}
    >
      {width > 0 &&
        inSight.map((row) => (
          <Row
            key={row.key}
            images={images}
            from={row.index * columns}
            places={Math.min(columns, total - row.index * columns)}
            columns={columns}
            height={rowHeight - GAP}
            top={row.start - top}
            tabStop={Math.floor(stop / columns) === row.index ? stop : -1}
            opensWorkspace={opensWorkspace}
          />
        ))}
    </div>
  );
}

interface RowProps {
  images: readonly Image[];
  from: number;
  places: number;
  columns: number;
  height: number;
  top: number;
  tabStop: number;
  opensWorkspace: boolean;
}

const Row = memo(function Row({ images, from, places, columns, height, top, tabStop, opensWorkspace }: RowProps): ReactNode {
  const style = {
    gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
    height,
    transform: `translateY(${top}px)`,
  };
  return (
    <div className="images-row" style={style}>
      {Array.from({ length: places }, (_, column) => {
        const index = from + column;
        const image = images[index];
        if (image === undefined) return <EmptyPlace key={index} />;
        return (
          <Tile key={index} image={image} index={index} isTabStop={index === tabStop} opensWorkspace={opensWorkspace} />
        );
      })}
    </div>
  );
});

function EmptyPlace(): ReactNode {
  return (
    <span className="tile" aria-hidden>
      <span className="tile-photo" />
      <span className="tile-caption" />
    </span>
  );
}

/** Width of the grid and its distance from the top of the page, as they change. */
function usePlace(box: React.RefObject<HTMLDivElement | null>): { width: number; top: number } {
  const [place, setPlace] = useState({ width: 0, top: 0 });
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const measure = (): void => {
      const { width, top } = element.getBoundingClientRect();
      const next = { width, top: Math.round(top + window.scrollY) };
      setPlace((before) => (before.width === next.width && before.top === next.top ? before : next));
    };
    measure();
    // The body's height changes when something above the grid (a receipt) comes or goes.
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, [box]);
  return place;
}
