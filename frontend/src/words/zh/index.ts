// Simplified Chinese.
import type { Words } from "../en";
import { account } from "./account";
import { activity } from "./activity";
import { app } from "./app";
import { errors } from "./errors";
import { exporting } from "./exporting";
import { flywheel } from "./flywheel";
import { images } from "./images";
import { jobs } from "./jobs";
import { models } from "./models";
import { people } from "./people";
import { pipeline } from "./pipeline";
import { projects } from "./projects";
import { proposalFigures } from "./proposalFigures";
import { roles } from "./roles";
import { settings } from "./settings";
import { stageSettings } from "./stageSettings";
import { trainingPolicy } from "./trainingPolicy";
import { ui } from "./ui";
import { workspace } from "./workspace";

export const zh: Words = { account, activity, app, errors, exporting, flywheel, images, jobs, models, people, pipeline, projects, proposalFigures, roles, settings, stageSettings, trainingPolicy, ui, workspace };
