"""Small made-up folders in the forms in which others publish outcomes, and what a build of them gives."""

import json

import numpy as np
import pandas as pd
from PIL import Image

from vlrouterbench.data.build import BuildOptions, build_benchmark
from vlrouterbench.data.table import load_table

MODELS = ("ModelA", "ModelB", "ModelC")


def right(i, k):
    """Whether model k is right on sample i: every (2 + k)-th answer is wrong."""
    return float((i + 1) % (2 + k) > 0)


SHARES = [sum(right(i, k) for i in range(12)) / 12 for k in range(3)]


def pool(folder, names=MODELS):
    """A file of candidates with prices that double."""
    rows = "".join(f"{name},{0.1 * 2**n},{0.4 * 2**n}\n" for n, name in enumerate(names))
    path = folder / "pool.csv"
    path.write_text(f"name,input_price,output_price\n{rows}")
    return path


def picture(path, shade):
    """An image of its own content at a path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(shade).integers(0, 255, (12, 12, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def built(source, out, **options):
    """(report, table) of a build."""
    report = build_benchmark(source, out, BuildOptions(num_proc=1, **options))
    return report, load_table(out)


def accuracies(table):
    """Candidate -> mean quality."""
    return dict(zip(table.pool.names, table.mean_quality.tolist(), strict=True))


def reasons(report):
    """(reason, file, detail) of everything left out."""
    return [(entry["reason"], entry["file"], entry["detail"]) for entry in report["left_out"]]


def router_bench(folder, count=12):
    """RouterBench's wide table."""
    folder.mkdir(parents=True)
    rows = [
        {
            "sample_id": f"mmlu.{i}",
            "prompt": str([f"Question {i}?", "Answer with a letter."]),
            "eval_name": "mmlu",
            **{m: right(i, k) for k, m in enumerate(MODELS)},
            **{f"{m}|model_response": "['B']" for m in MODELS},
            **{f"{m}|total_cost": 0.001 * (k + 1) for k, m in enumerate(MODELS)},
            "oracle_model_to_route_to": "ModelA",
        }
        for i in range(count)
    ]
    pd.DataFrame(rows).to_csv(folder / "routerbench_0shot.csv", index=False)
    return folder


def embed_llm(folder, count=12):
    """EmbedLLM's long table."""
    folder.mkdir(parents=True)
    rows = [
        {"prompt_id": i, "model_id": k, "category_id": 0, "label": int(right(i, k)), "prompt": f"Question {i}?"}
        | {"model_name": m, "category": "mmlu"}
        for i in range(count)
        for k, m in enumerate(MODELS)
    ]
    pd.DataFrame(rows).to_csv(folder / "train.csv", index=False)
    return folder


def llm_router_bench(folder, count=12, time="20250101_000000"):
    """LLMRouterBench's results, a file per model."""
    for k, model in enumerate(MODELS):
        place = folder / "bench" / "mmlu" / "test" / model
        place.mkdir(parents=True, exist_ok=True)
        records = [
            {"index": i, "origin_query": f"Question {i}?", "prompt": f"Q: {i}", "prediction": "B", "ground_truth": "B"}
            | {"score": right(i, k), "prompt_tokens": 300, "completion_tokens": 20, "cost": 0.001 * (k + 1)}
            for i in range(count)
        ]
        content = {"performance": 0.5, "counts": count, "model_name": model, "dataset_name": "mmlu", "records": records}
        (place / f"mmlu-test-{model}-{time}.json").write_text(json.dumps(content))
    return folder


def router_arena(folder, count=12):
    """RouterArena's cached results, a file per model."""
    (folder / "cached_results").mkdir(parents=True)
    for k, model in enumerate(MODELS):
        lines = [
            json.dumps(
                {"global_index": f"AIME_{i}", "question": f"Question {i}?", "llm_selected": model}
                | {"generated_answer": "B", "token_usage": {"input_tokens": 100, "output_tokens": 10 * (k + 1)}}
                | {"success": True, "provider": "x", "error": None}
                | {"evaluation_result": {"score": right(i, k), "metric": "mcq", "inference_cost": 0.001 * (k + 1)}}
            )
            for i in range(count)
        ]
        (folder / "cached_results" / f"{model}.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def mmr_v1(folder, count=12):
    """MMR-Bench's merged table with its folder of images."""
    rows = []
    for i in range(count):
        picture(folder / "SEEDBenchv2Plus" / f"{i}.png", i)
        row = {"question": f"Question {i}?", "answer": "A", "dataset_idx": f"SEEDBench2_Plus_{i}"}
        for k, model in enumerate(MODELS):
            row |= {f"{model}_correct": right(i, k), f"{model}_cost": 0.001 * (k + 1), f"{model}_prediction": "A"}
        rows.append(row)
    pd.DataFrame(rows).to_csv(folder / "MMR_Bench.csv", index=False)
    return folder


def mmr_v2(folder, count=12):
    """MMR-Bench's second release, one benchmark, with two images in the first instance."""
    instances = pd.DataFrame(
        [
            {"sample_id": f"BLINK_{i}", "benchmark": "BLINK", "prompt_text": f"Question {i}?", "answer": "A"}
            | {"images": [f"images/{i}.png", "images/0.png"] if i == 1 else [f"images/{i}.png"]}
            for i in range(count)
        ]
    )
    for i in range(count):
        picture(folder / "LMUData" / "images" / f"{i}.png", i)
    (folder / "data" / "instances").mkdir(parents=True)
    instances.to_parquet(folder / "data" / "instances" / "BLINK.parquet", index=False)
    for k, model in enumerate(MODELS):
        place = folder / "data" / "results" / model
        place.mkdir(parents=True)
        mmr_v2_results(k, count).to_parquet(place / "BLINK.parquet", index=False)
    return folder


def mmr_v2_results(k, count=12):
    """The results of model k."""
    return pd.DataFrame(
        [
            {"sample_id": f"BLINK_{i}", "benchmark": "BLINK", "model_id": MODELS[k], "score": right(i, k)}
            | {"cost": 1e-6 * (k + 1), "cost_unit": "USD", "status": "ok", "prediction": "answer"}
            for i in range(count)
        ]
    )


def lmms_eval(folder, count=12, task="scienceqa_img", date="20260218_234435"):
    """lmms-eval's logged samples with results."""
    for k, model in enumerate(MODELS):
        place = folder / f"org__{model}"
        place.mkdir(parents=True, exist_ok=True)
        lines = [
            json.dumps(
                {"doc_id": i, "target": "B", "filtered_resps": "B" if right(i, k) else "A", "doc_hash": str(i * k)}
                | {"token_counts": [None], "exact_match": right(i, k), "input": f"Which box is red in picture {i}?"}
            )
            for i in range(count)
        ]
        (place / f"{date}_samples_{task}.jsonl").write_text("\n".join(lines) + "\n")
        results = {
            "results": {task: {"alias": task, "exact_match,none": 0.5, "exact_match_stderr,none": 0.1}},
            "configs": {task: {"metric_list": [{"metric": "exact_match", "higher_is_better": True}]}},
            "higher_is_better": {task: {"exact_match": True}},
        }
        (place / f"{date}_results.json").write_text(json.dumps(results))
    return folder


def records(folder, count=12):
    """OpenVLMRecords: predictions of a set of multiple choice and one of yes and no."""
    for k, model in enumerate(MODELS):
        place = folder / "mmeval" / model
        place.mkdir(parents=True)
        choice = [
            {"index": i, "question": f"Which colour is box {i}?", "A": "red", "B": "blue", "answer": "AB"[i % 2]}
            | {"prediction": "AB"[i % 2] if right(i, k) else "AB"[(i + 1) % 2]}
            for i in range(count)
        ]
        pd.DataFrame(choice).to_excel(place / f"{model}_MMStar.xlsx", index=False)
        said = [("Yes", "No, it is not.") for _ in range(count)]
        yes_no = [
            {
                "index": i,
                "question": f"Is box {i} red?",
                "answer": "Yes",
                "prediction": said[i][0 if right(i, k) else 1],
            }
            for i in range(count)
        ]
        pd.DataFrame(yes_no).to_excel(place / f"{model}_MME.xlsx", index=False)
    return folder


FORMS = {
    "mmr_v2": (mmr_v2, "MMR-Bench V2"),
    "mmr_v1": (mmr_v1, "MMR-Bench V1"),
    "router_bench": (router_bench, "RouterBench tables"),
    "embed_llm": (embed_llm, "EmbedLLM tables"),
    "llm_router_bench": (llm_router_bench, "LLMRouterBench results"),
    "router_arena": (router_arena, "RouterArena results"),
    "lmms_eval": (lmms_eval, "lmms-eval samples"),
    "records": (records, "OpenVLMRecords"),
}
"""Name -> what writes it, and what it is called."""
