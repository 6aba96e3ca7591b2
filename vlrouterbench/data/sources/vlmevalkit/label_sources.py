"""Which file and column carries the label of a sample, for every image dataset of VLMEvalKit that writes one.

Decisions
- A dataset may stand in several entries: classes of one name, or a judge that may be there or not. The first entry
  whose columns a file has is read.
- The file's suffix is for the reader of this table. What is read is decided by the columns, since other versions of
  VLMEvalKit name files otherwise.
- The benchmark's own 14 datasets, and those scored alike, have their rules in `labels.py`.

Source: VLMEvalKit `vlmeval/dataset/` at commit e8e78f05 (18 August 2026), the class that each name belongs to.
`docs/vlmevalkit_labels.md` is made from this table and that of `unlabelled.py`.
"""

from __future__ import annotations

from vlrouterbench.data.sources.vlmevalkit.columns import EVAL_MATCH
from vlrouterbench.data.sources.vlmevalkit.extracted import LENS, MACBENCH, OCR_REASONING, QSPATIAL, QSPATIAL_TEXT
from vlrouterbench.data.sources.vlmevalkit.marks import (
    ASCLEPIUS,
    BMMR,
    CHARTMIMIC,
    HIPHO,
    MATHCANVAS,
    MIA_BENCH,
    MM_IFEVAL,
    MMVM,
    SEEPHYS,
    SFE,
    WORLDVQA,
    LabelSource,
    OwnRule,
    first_of,
    inverse,
    mean_of,
    share,
)

_MRA = "MRA:.5:.95:.05"
_GRADED = OwnRule(EVAL_MATCH, EVAL_MATCH)

LABEL_SOURCES: tuple[LabelSource, ...] = (
    LabelSource(
        "image_mcq.py",
        "_*_result",
        OwnRule("hit", "hit"),
        "MMBench_DEV_EN_V11 AI2D_TEST MMStar RealWorldQA MMMU_DEV_VAL",
    ),
    LabelSource("image_yorn.py", "_auxmatch", OwnRule("score", "yes/no score"), "HallusionBench"),
    LabelSource("image_vqa.py", "_*_score", OwnRule("score", "judge's score"), "MathVerse_MINI"),
    LabelSource("image_vqa.py", "_*", OwnRule("res", "extracted answer"), "MathVista_MINI MathVision MathVision_MINI"),
    LabelSource(
        "image_vqa.py", "", OwnRule("prediction", "text similarity"), "DocVQA_VAL DocVQA_TEST InfoVQA_VAL InfoVQA_TEST"
    ),
    LabelSource("image_vqa.py", "", OwnRule("prediction", "relaxed match"), "ChartQA_TEST"),
    LabelSource("image_vqa.py", "", OwnRule("prediction", "VQA accuracy"), "TextVQA_VAL"),
    LabelSource("image_vqa.py", "", OwnRule("prediction", "contained answer"), "OCRBench OCRBench_MINI"),
    LabelSource(
        "image_mcq.py",
        "_*_result",
        share("hit"),
        """
        MMBench_DEV_EN MMBench_TEST_EN MMBench_DEV_CN MMBench_TEST_CN MMBench_DEV_KO MMBench MMBench_CN
        MMBench_TEST_EN_V11 MMBench_DEV_CN_V11 MMBench_TEST_CN_V11 MMBench_V11 MMBench_CN_V11 SEEDBench_IMG
        SEEDBench_IMG_KO SEEDBench2 SEEDBench2_Plus ScienceQA_VAL ScienceQA_TEST MMT-Bench_ALL_MI MMT-Bench_ALL
        MMT-Bench_VAL_MI MMT-Bench_VAL AesBench_VAL AesBench_TEST Q-Bench1_VAL Q-Bench1_TEST A-Bench_VAL
        A-Bench_TEST R-Bench-Dis R-Bench-Ref CCBench AI2D_TEST_NO_MASK MMStar_KO MMStar_TR MLLMGuard_DS BLINK
        BLINK_circular TaskMeAnything_v1_imageqa_random A-OKVQA WorldMedQA-V VisOnlyQA-VLMEvalKit MMCR MMSci_DEV_MCQ
        MMVP K-DTCBench MMBench_V11_MINI MMStar_MINI AI2D_MINI VStarBench PathMMU_VAL PathMMU_TEST CMMU_MCQ MicroVQA
        MMSIBench_circular SpatialEval StaticEmbodiedBench StaticEmbodiedBench_circular MMMB_ar MMMB_cn MMMB_en
        MMMB_pt MMMB_ru MMMB_tr MMBench_dev_ar MMBench_dev_cn MMBench_dev_en MMBench_dev_pt MMBench_dev_tr
        MMBench_dev_ru MMMU_TEST MUIRBench GMAI-MMBench_VAL GMAI-MMBench_TEST HRBench4K HRBench8K MedXpertQA_MM_test
        LEGO LEGO_circular CV-Bench-2D CV-Bench-3D tdbench_rot0 tdbench_rot90 tdbench_rot180 tdbench_rot270
        tdbench_cs_zoom tdbench_cs_height tdbench_cs_integrity tdbench_cs_depth MicroBench OmniMedVQA MSEarthMCQ
        SCAM CVQA_LOC CVQA_EN TopViewRS MMMU_Pro_10c MMMU_Pro_V
    """,
    ),
    LabelSource("wiki_vqa_bench.py", "_*_result", share("hit"), "WikiVQABench"),
    LabelSource(
        "image_mcq.py", "_cotpost_*_result", share("hit"), "MMMU_Pro_10c_COT MMMU_Pro_V_COT", rewrites_text=True
    ),
    LabelSource("image_mcq.py", "_*", share("hit"), "WeMath WeMath_COT"),
    LabelSource("image_mcq.py", "_result", share("hit"), "VMCBench_DEV VMCBench_TEST 3DSRBench"),
    LabelSource(
        "image_shortqa.py",
        "_judge",
        share("hit"),
        """
        LiveMMBench_Infographic LiveMMBench_Perception LiveMMBench_Reasoning LiveMMBench_Reasoning_circular
        LiveMMBench_Spatial hle hle_verified PathVQA_VAL PathVQA_TEST
    """,
    ),
    LabelSource("emma.py", "_judge", share("hit"), "EMMA EMMA_COT"),
    LabelSource(
        "mmesci.py", "_judge", share("hit"), "MMESCI_VisionOnly MMESCI_ZH MMESCI_EN MMESCI_FR MMESCI_ES MMESCI_JA"
    ),
    LabelSource("image_vqa.py", "_*", share("hit"), "LogicVista AyaVisionBench"),
    LabelSource("vlmbias.py", "_*", share("hit"), "VLMBias"),
    LabelSource(
        "image_vqa.py",
        "_*_result",
        share("hit"),
        """
        tdbench_grounding_rot0 tdbench_grounding_rot90 tdbench_grounding_rot180 tdbench_grounding_rot270
    """,
    ),
    LabelSource("mmmath.py", "", share("hit"), "MM-Math"),
    LabelSource("refcoco.py", "_detail", share("hit"), "RefCOCO"),
    LabelSource(
        "mrarebench.py",
        "_per_row",
        share("hit"),
        "MRareBench_Diagnosis MRareBench_Diagnosis_FD MRareBench_Diagnosis_TO",
    ),
    LabelSource("mindcubebench.py", "_*_matching", share("hit"), "MindCubeBench_tiny_raw_qa MindCubeBench_raw_qa"),
    LabelSource("embspatialbench.py", "_*_matching", share("hit"), "EmbSpatialBench"),
    LabelSource("viewspatialbench.py", "_*_matching", share("hit"), "ViewSpatialBench"),
    LabelSource("mmsibench.py", "_*_matching", share("hit"), "MMSIBench_wo_circular"),
    LabelSource("sitebench.py", "_*_matching", share("hit"), "SiteBenchImage"),
    LabelSource("spatialvizbench.py", "_*_matching", share("hit"), "SpatialVizBench SpatialVizBench_CoT"),
    LabelSource(
        "spatial_dise.py",
        "_*_matching",
        share("hit"),
        """
        Spatial-DISE Spatial-DISE_MERGE Spatial-DISE_BENCH Spatial-DISE_BENCH_MERGE Spatial-DISE_SEPARATE
        Spatial-DISE_BENCH_SEPARATE Spatial-DISE_TEST Spatial-DISE_TEST_MERGE Spatial-DISE_TEST_SEPARATE
        Spatial-DISE_VAL Spatial-DISE_VAL_MERGE Spatial-DISE_VAL_SEPARATE Spatial-DISE_TRAIN
        Spatial-DISE_TRAIN_MERGE Spatial-DISE_TRAIN_SEPARATE
    """,
    ),
    LabelSource("starebench.py", "_*_matching", share("hit"), "StareBench StareBench_CoT"),
    LabelSource(
        "omnispatialbench.py",
        "_*_matching",
        share("hit"),
        """
        OmniSpatialBench OmniSpatialBench_default OmniSpatialBench_zeroshot_cot OmniSpatialBench_manual_cot
    """,
    ),
    LabelSource("eriq.py", "_*_matching", share("hit"), "ERIQ"),
    LabelSource("sparbench.py", "_*_matching", first_of("hit", _MRA, "vci_metric"), "SparBench SparBench_tiny"),
    LabelSource("sparbench.py", "_*_matching", first_of(_MRA, "vci_metric"), "SparBench SparBench_tiny"),
    LabelSource(
        "spbench.py", "_*_matching", first_of("hit", _MRA), "SPBench-MV SPBench-MV_CoT SPBench-SI SPBench-SI_CoT"
    ),
    LabelSource("spbench.py", "_*_matching", share(_MRA), "SPBench-MV SPBench-MV_CoT SPBench-SI SPBench-SI_CoT"),
    LabelSource("image_yorn.py", "_auxmatch", share("score"), "MME POPE AMBER VSR-zeroshot"),
    LabelSource(
        "image_vqa.py",
        "_*_score",
        share("score"),
        """
        MathVerse_MINI_Vision_Only MathVerse_MINI_Vision_Only_cot MathVerse_MINI_Vision_Dominant
        MathVerse_MINI_Vision_Intensive MathVerse_MINI_Text_Lite MathVerse_MINI_Text_Dominant MME-Reasoning
        MMReason_testmini VTCBench
    """,
    ),
    LabelSource("image_vqa.py", "_*", share("score"), "MMVet MMVet_Hard"),
    LabelSource(
        "mmlongbench.py",
        "_mmlb_eval",
        share("score"),
        "MMLongBench_32K MMLongBench_128K MMLongBench_256K MMLongBench_512K",
    ),
    LabelSource("mmlongbenchdoc.py", "_*", share("score"), "MMLongBench_DOC"),
    LabelSource("dude.py", "_*", share("score"), "DUDE DUDE_MINI"),
    LabelSource(
        "image_mcq.py", "_score", share("score"), "MME-RealWorld MME-RealWorld-CN MME-RealWorld-Lite TreeBench"
    ),
    LabelSource("image_vqa.py", "_*_result", share("score"), "OlympiadBench OlympiadBench_EN OlympiadBench_CN"),
    LabelSource("vl_rewardbench.py", "_*", share("score"), "VL-RewardBench"),
    LabelSource("charxiv.py", "_*", share("score"), "CharXiv_descriptive_val CharXiv_reasoning_val"),
    LabelSource(
        "m4bench.py",
        "_details",
        share("score"),
        """
        State_Invariance State_Comparison Spatial_Perception Instance_Comparison Detailed_Difference
    """,
    ),
    LabelSource("ssi_bench.py", "_score", share("score"), "SSI_Bench"),
    LabelSource("mmoral_opg_open.py", "_*", share("score"), "MMOral_OPG_OPEN"),
    LabelSource("scidocbench.py", "_*", share("score"), "SciDocBench"),
    LabelSource("superchem.py", "_superchem_result", share("score"), "SUPERChem SUPERChem_text"),
    LabelSource("da2k.py", "_score", share("score"), "DA-2K"),
    LabelSource("sfebench.py", "_judge", SFE, "SFE SFE-zh"),
    LabelSource("image_vqa.py", "_*", SEEPHYS, "SeePhys SeePhys_vo"),
    LabelSource("image_vqa.py", "_*_score", MMVM, "MMVMBench"),
    LabelSource("dynamath.py", "_*", share("correct"), "DynaMath DynaMath_noprompt"),
    LabelSource(
        "visfactor.py",
        "_verbose",
        share("correct"),
        """
        VisFactor VisFactor_CoT VisFactor_GE VisFactor_GE_CoT VisFactor_GN VisFactor_GN_CoT VisFactor_GH
        VisFactor_GH_CoT
    """,
    ),
    LabelSource("image_vqa.py", "_*_result", share("correct"), "CoreCognition"),
    LabelSource("mssbench.py", "_*_detailed", share("correct"), "MSSBench"),
    LabelSource("siuo_mcq.py", "_detailed", share("correct"), "SIUO_MCQ"),
    LabelSource("m3oralbench.py", "_detailed", share("correct"), "M3oralBench"),
    LabelSource("erqa.py", "_detail", share("correct"), "ERQA", rewrites_text=True),
    LabelSource("erqabench.py", "_*_matching", share("hit"), "ERQA"),
    LabelSource("gsm8k_v.py", "_detailed", share("is_correct"), "GSM8K-V"),
    LabelSource("image_vqa.py", "_eval_meta", share("is_correct"), "vlms_are_biased_main"),
    LabelSource("robospatialbench.py", "_Point2D", share("is_correct"), "RoboSpatialHome"),
    LabelSource("image_vqa.py", "_results", _GRADED, "GQA_TestDev_Balanced OCRVQA_TESTCORE OCRVQA_TEST"),
    LabelSource("plotqa.py", "_results", _GRADED, "PlotQA"),
    LabelSource("slidevqa.py", "_*", share("anls"), "SLIDEVQA_MINI SLIDEVQA"),
    LabelSource("longdocurl.py", "_longdocurl_eval", share("score_v3"), "LongDocURL"),
    LabelSource("moat.py", "_*", share("verdict"), "MOAT"),
    LabelSource("asclepius.py", "_*", ASCLEPIUS, "Asclepius"),
    LabelSource(
        "image_vqa.py",
        "_*",
        share("res"),
        """
        atomic_dataset electro_dataset mechanics_dataset optics_dataset quantum_dataset statistics_dataset
        Physics_blankim Physics PhyX_MC PhyX_OE PhyX_mini_MC PhyX_mini_OE
    """,
    ),
    LabelSource("image_vqa.py", "_predict", share("match"), "PhyX_MC PhyX_OE PhyX_mini_MC PhyX_mini_OE"),
    LabelSource("image_mcq.py", "_*_result", share("match"), "A4Bench"),
    LabelSource("image_vqa.py", "_openai_result", share("answer_correct"), "VGRPBench"),
    LabelSource(
        "refspatial.py",
        "_detail",
        share("success"),
        """
        RefSpatial RefSpatial-Bench RefSpatial-Location RefSpatial-Placement RefSpatial-Unseen RefSpatial_Location
        RefSpatial_Placement RefSpatial_Unseen RefSpatial-Bench-Location RefSpatial-Bench-Placement
        RefSpatial-Bench-Unseen
    """,
    ),
    LabelSource("refspatialbench.py", "_Point2D", share("score"), "RefSpatial_wo_unseen RefSpatial"),
    LabelSource("mmhelix.py", "_judged", share("judge"), "MM-HELIX MM-HELIX_lang"),
    LabelSource("siuo_gen.py", "_*_detailed", share("combined_pass"), "SIUO_GEN"),
    LabelSource("mmsafetybench.py", "_*_detailed", inverse("is_attack_success"), "MMSafetyBench"),
    LabelSource("gobench.py", "_score", mean_of("reality_score", "aesthetics_score", "consistency_score"), "GOBench"),
    LabelSource(
        "hipho.py",
        "_detailed",
        HIPHO,
        """
        IPhO_2024 IPhO_2025 EuPhO_2024 EuPhO_2025 APhO_2025 PanPhO_2024 PanPhO_2025 NBPhO_2024 NBPhO_2025 F_MA_2024
        F_MA_2025 PanMechanics_2024 PanMechanics_2025
    """,
    ),
    LabelSource("image_vqa.py", "_reference_based_metrics", BMMR, "BMMR BMMR_mini"),
    LabelSource("worldvqa.py", "_*", WORLDVQA, "WorldVQA"),
    LabelSource("image_vqa.py", "_meta", MATHCANVAS, "MathCanvas-Bench"),
    LabelSource("miabench.py", "_*", MIA_BENCH, "MIA-Bench"),
    LabelSource("babyvision.py", "_*_judge", share("LLMJudgeResult"), "BabyVision"),
    LabelSource("wildprobe.py", "_*_reason_judge", share("LLMJudgeResult"), "wildprobe_multiimg_reasoning"),
    LabelSource("perceptionbench.py", "_*_judge", share("judge_result"), "PerceptionBench"),
    LabelSource(
        "mrarebench.py",
        "_per_row",
        share("t2_required_recall"),
        """
        MRareBench_EvidenceVerif MRareBench_EvidenceVerif_TO MRareBench_EvidenceVerif_NoDx
    """,
    ),
    LabelSource("mmifeval.py", "_*.jsonl", MM_IFEVAL, "MM-IFEval"),
    LabelSource(
        "chartmimic.py",
        "_*.jsonl",
        CHARTMIMIC,
        """
        ChartMimic_v1_customized ChartMimic_v1_direct ChartMimic_v2_customized ChartMimic_v2_customized_600
        ChartMimic_v2_customized_1800 ChartMimic_v2_direct ChartMimic_v2_direct_600 ChartMimic_v2_direct_1800
    """,
    ),
    LabelSource("SGI_Bench_1_0/experimental_reasoning.py", "_score.csv", share("mcc"), "SGI-Experimental-Reasoning"),
    LabelSource("omnimat.py", "_omnimat_qa_details.csv", share("f1"), "OmniMat_QA"),
    LabelSource("omnimat.py", "_omnimat_cal_details.csv", share("score_exact"), "OmniMat_CAL"),
    LabelSource("image_vqa.py", "_*", LENS, "LENS-CN-QA LENS-CN-QA_MINI"),
    LabelSource("image_vqa.py", "_*", OCR_REASONING, "OCR_Reasoning"),
    LabelSource("image_vqa.py", "_*", QSPATIAL, "QSpatial_plus QSpatial_scannet"),
    LabelSource("image_vqa.py", "", QSPATIAL_TEXT, "QSpatial_plus QSpatial_scannet"),
    LabelSource("macbench.py", "_*", MACBENCH, "MaCBench"),
)
