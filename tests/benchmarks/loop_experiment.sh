#!/bin/bash
# Usage: loop_experiment.sh NAME DATASET PORT [IMAGES]; OUT names the folder of the results (default: ./experiment)
# Runs the engine on one domain: four rounds by hand, then proposals, then automatic masks with an audit (unless ROUNDS_ONLY=1).
set -eu
NAME=$1 DATASET=$2 PORT=$3 IMAGES=${4:-170}
OUT=$(realpath -m "${OUT:-experiment}/$NAME") DATASET=$(realpath "$DATASET"); cd "$(dirname "$0")/../.."; mkdir -p "$OUT"
export SEGLOOP_DATA_DIR=$OUT/data SEGLOOP_PORT=$PORT SEGLOOP_URL=http://127.0.0.1:$PORT
# SEGLOOP_GENERAL_SET=FOLDER (real files, no symbolic links) guards against forgetting on photos instead of drawn scenes;
# REPLAY=FOLDER, a COCO folder whose images name their split, is mixed into every round (a third of the samples).
# CLOSER=true: people zoom in to each object, the rounds learn from such views and are compared on them.
# ROUNDS, MASKS (a round), PER_IMAGE (masks), BATCH, RATE, KEEP (share of the base), STEPS, FROZEN (share), REPLAY_WEIGHT,
# MEASURE (of the gate: noc_85, iou_1) and LOSS (at most, in general) change the policy; SEED the order of the photos.
REPLAYED= ZOOM=; if [ "${CLOSER:-false}" = true ]; then ZOOM=--closer; fi
if [ -n "${REPLAY:-}" ]; then mkdir -p "$OUT/data/replay"; cp -r "$REPLAY" "$OUT/data/replay/general"; REPLAYED='"general='${REPLAY_WEIGHT:-0.5}'"'; fi
setsid nohup .venv/bin/segloop up --data "$OUT/data" --port "$PORT" --no-demo > "$OUT/up.log" 2>&1 < /dev/null &
UP=$!; trap 'kill $UP' EXIT
until grep -q ' at http' "$OUT/up.log"; do sleep 1; kill -0 $UP; done
export SEGLOOP_TOKEN=$(.venv/bin/segloop token admin@segloop.local)
PROJECT=$(.venv/bin/segloop project create "$NAME" --json | .venv/bin/python -c 'import json,sys; print(json.load(sys.stdin)["id"])')
api() { curl -sS --fail-with-body -H "Authorization: Bearer $SEGLOOP_TOKEN" -H 'content-type: application/json' -X "$1" "$SEGLOOP_URL/api$2" ${3:+-d "$3"}; echo; }
api PATCH /projects/$PROJECT/training-policy '{"revision":0,"policy":{"steps":'${STEPS:-140}',"batch_size":'${BATCH:-4}',"rate":'${RATE:-0.0003}',"tune":"full","keep_base":'${KEEP:-0.25}',"closer":'${CLOSER:-false}',"auto_promote":true,"min_masks":50,"max_minutes":60,"frozen_share":'${FROZEN:-0.25}',"replay":['$REPLAYED'],"gate":{"measure":"'${MEASURE:-noc_85}'","min_gain":0.0,"max_general_loss":'${LOSS:-0.04}'}}}'
simulate() { .venv/bin/segloop simulate "$DATASET" --project "$PROJECT" --images "$IMAGES" --seed ${SEED:-1} --max-clicks 10 --workers 2 $ZOOM "$@"; }
# 10 masks an image: 250 masks are 25 images, 6 of them frozen; the gate needs 5.
simulate --stage assisted_manual --rounds ${ROUNDS:-4} --masks-per-round ${MASKS:-250} --masks-per-image ${PER_IMAGE:-10} ${DETECTOR---train-detector} --report "$OUT/manual"
if [ "${ROUNDS_ONLY:-0}" != 1 ]; then
api POST /projects/$PROJECT/stages/semi_automatic/admit '{"rule":{"count":20},"reason":"Experiment","dry_run":false}' > "$OUT/admit.json"
simulate --stage semi_automatic --report "$OUT/semi"
api GET /projects/$PROJECT/stages > "$OUT/stages.json"
api PATCH /projects/$PROJECT/stages/fully_automatic '{"revision":0,"policy":{"review_share":0.2,"automatic":{"points_per_side":24}}}' > /dev/null
simulate --stage fully_automatic --admit-rest --report "$OUT/automatic"
fi
for what in flywheel audit overview; do api GET /projects/$PROJECT/statistics/$what > "$OUT/$what.json"; done
api GET /projects/$PROJECT/training-runs > "$OUT/runs.json"
