// The addresses of the page. What stands in an address (filters, the open image) is typed here.
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import type { QueryClient } from "@tanstack/react-query";
import { projectQuery } from "../api/projects";
import { meQuery } from "../api/session";
import { IMAGE_STATES, type ImageState, STAGE_NAMES, type StageName } from "../api/types";
import { NotFound, NotFoundAlone } from "./NotFound";
import { queryClient } from "./queryClient";
import { RouteError } from "./RouteError";
import { Shell } from "./Shell";
import { SignedIn } from "./SignedIn";

const root = createRootRouteWithContext<{ queryClient: QueryClient }>()({
  component: Outlet,
  notFoundComponent: NotFoundAlone,
});

const idOrNaN = (text: string): number => (/^\d{1,15}$/.test(text) ? Number(text) : Number.NaN);

/** A positive whole number of the address bar, or nothing. */
const idSearch = (value: unknown): number | undefined => (Number.isInteger(Number(value)) && Number(value) > 0 ? Number(value) : undefined);

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (search: Record<string, unknown>): { link?: string; next?: string } => ({
    ...(typeof search["link"] === "string" && search["link"] !== "" ? { link: search["link"] } : {}),
    ...(typeof search["next"] === "string" && /^\/(?![/\\])/.test(search["next"]) ? { next: search["next"] } : {}),
  }),
  component: lazyRouteComponent(() => import("./SignInPage"), "SignInPage"),
});

const signedIn = createRoute({
  getParentRoute: () => root,
  id: "signed-in",
  beforeLoad: async ({ context, location }) => {
    const me = await context.queryClient.ensureQueryData(meQuery);
    if (me === null) {
      throw redirect({ to: "/sign-in", search: location.href === "/" ? {} : { next: location.href } });
    }
  },
  errorComponent: RouteError,
  component: SignedIn,
});

const setPassword = createRoute({
  getParentRoute: () => signedIn,
  path: "/set-password",
  component: lazyRouteComponent(() => import("./SetPasswordPage"), "SetPasswordPage"),
});

const shell = createRoute({ getParentRoute: () => signedIn, id: "shell", component: Shell, notFoundComponent: NotFound });

const home = createRoute({
  getParentRoute: () => shell,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/projects", replace: true });
  },
});

const projects = createRoute({
  getParentRoute: () => shell,
  path: "/projects",
  component: lazyRouteComponent(() => import("../admin/projects/ProjectsPage"), "ProjectsPage"),
});

const people = createRoute({
  getParentRoute: () => shell,
  path: "/people",
  component: lazyRouteComponent(() => import("../admin/people/PeoplePage"), "PeoplePage"),
});

const account = createRoute({
  getParentRoute: () => shell,
  path: "/account",
  component: lazyRouteComponent(() => import("./AccountPage"), "AccountPage"),
});

const projectParams = {
  parse: ({ projectId }: { projectId: string }) => ({ projectId: idOrNaN(projectId) }),
  stringify: ({ projectId }: { projectId: number }) => ({ projectId: String(projectId) }),
};

const project = createRoute({
  getParentRoute: () => shell,
  path: "/projects/$projectId",
  params: projectParams,
  loader: ({ context, params }) => context.queryClient.prefetchQuery(projectQuery(params.projectId)),
  component: lazyRouteComponent(() => import("./ProjectLayout"), "ProjectLayout"),
});

const images = createRoute({
  getParentRoute: () => project,
  path: "/",
  validateSearch: (search: Record<string, unknown>): { state?: ImageState } => {
    const state = IMAGE_STATES.find((known) => known === search["state"]);
    return state === undefined ? {} : { state };
  },
  component: lazyRouteComponent(() => import("../admin/images/ImagesPage"), "ImagesPage"),
});

const pipeline = createRoute({
  getParentRoute: () => project,
  path: "/pipeline",
  validateSearch: (search: Record<string, unknown>): { stage?: StageName } => {
    const stage = STAGE_NAMES.find((known) => known === search["stage"]);
    return stage === undefined ? {} : { stage };
  },
  component: lazyRouteComponent(() => import("../admin/pipeline/PipelinePage"), "PipelinePage"),
});

const flywheel = createRoute({
  getParentRoute: () => project,
  path: "/flywheel",
  component: lazyRouteComponent(() => import("../admin/flywheel/FlywheelPage"), "FlywheelPage"),
});

const models = createRoute({
  getParentRoute: () => project,
  path: "/models",
  component: lazyRouteComponent(() => import("../admin/models/ModelsPage"), "ModelsPage"),
});

const activity = createRoute({
  getParentRoute: () => project,
  path: "/activity",
  component: lazyRouteComponent(() => import("../admin/activity/ActivityPage"), "ActivityPage"),
});

const exportsRoute = createRoute({
  getParentRoute: () => project,
  path: "/exports",
  component: lazyRouteComponent(() => import("../research/exports/ExportsPage"), "ExportsPage"),
});

const jobs = createRoute({
  getParentRoute: () => project,
  path: "/jobs",
  component: lazyRouteComponent(() => import("../admin/jobs/JobsPage"), "JobsPage"),
});

const settings = createRoute({
  getParentRoute: () => project,
  path: "/settings",
  component: lazyRouteComponent(() => import("../admin/settings/SettingsPage"), "SettingsPage"),
});

// The workspace has the whole window: no shell around it.
const annotate = createRoute({
  getParentRoute: () => signedIn,
  path: "/projects/$projectId/annotate",
  params: projectParams,
  validateSearch: (search: Record<string, unknown>): { image?: number; review?: true } => {
    const image = idSearch(search["image"]);
    const isReview = search["review"] === true || search["review"] === "true";
    return { ...(image === undefined ? {} : { image }), ...(isReview ? { review: true } : {}) };
  },
  loader: ({ context, params }) => context.queryClient.prefetchQuery(projectQuery(params.projectId)),
  component: lazyRouteComponent(() => import("./AnnotateRoute"), "AnnotateRoute"),
});

const routeTree = root.addChildren([
  signIn,
  signedIn.addChildren([
    setPassword,
    annotate,
    shell.addChildren([
      home,
      projects,
      people,
      account,
      project.addChildren([images, pipeline, flywheel, models, exportsRoute, jobs, activity, settings]),
    ]),
  ]),
]);

export const router = createRouter({
  routeTree,
  context: { queryClient },
  defaultPreload: "intent",
  defaultPreloadStaleTime: 0,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
