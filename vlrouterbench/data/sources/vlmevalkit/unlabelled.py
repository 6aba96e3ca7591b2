"""Image datasets of VLMEvalKit that leave no label per sample, and why: they are named in the report, never guessed.

Source: VLMEvalKit `vlmeval/dataset/` at commit e8e78f05 (18 August 2026), the class that each name belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass

SUMMARY = "VLMEvalKit writes a summary alone"
IN_SUMMARY = "VLMEvalKit writes its marks inside the summary (json), which is not read"
PICKLE = "VLMEvalKit writes its marks into a pickle alone, which is never opened"
NO_INDEX = "VLMEvalKit writes its marks without the index of their samples"
COMPARED = "VLMEvalKit rates an answer against another model's, which is no share of correctness"
MEASURES = "VLMEvalKit computes several measures of a text, of which none says that it is right"
NOT_SCORED = "VLMEvalKit does not score it"
PARTS = "VLMEvalKit scores its parts under their own names"


@dataclass(frozen=True)
class Unlabelled:
    """Datasets without a label per sample.

    Attributes:
        evaluator: file of VLMEvalKit's `vlmeval/dataset/` that scores them.
        reason: why they have none.
        listed: their names, between spaces.
    """

    evaluator: str
    reason: str
    listed: str

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the datasets."""
        return tuple(self.listed.split())


UNLABELLED: tuple[Unlabelled, ...] = (
    Unlabelled("__init__.py", PARTS, "MMMB MTL_MMBench_DEV ScreenSpot_Pro ScreenSpot ScreenSpot_v2 M4Bench"),
    Unlabelled("siuo.py", PARTS, "SIUO"),
    Unlabelled("hipho.py", PARTS, "HiPhO_ALL"),
    Unlabelled(
        "image_mcq.py", SUMMARY, "NaturalBenchDataset VisuLogic VLMBlind PuzzleVQA VisualPuzzles OmniEarth-Bench"
    ),
    Unlabelled(
        "image_vqa.py",
        SUMMARY,
        """
        MTVQA_TEST TableVQABench CRPE_EXIST CRPE_RELATION VizWiz MM_NIAH_VAL MM_NIAH_TEST WildDoc CountBenchQA
        ZEROBench ZEROBench_sub Omni3DBench TallyQA OCRBench_v2 OCRBench_v2_MINI
    """,
    ),
    Unlabelled(
        "image_ccocr.py",
        SUMMARY,
        """
        CCOCR_DocParsing_DocPhotoChn CCOCR_DocParsing_DocPhotoEng CCOCR_DocParsing_DocScanChn
        CCOCR_DocParsing_DocScanEng CCOCR_DocParsing_TablePhotoChn CCOCR_DocParsing_TablePhotoEng
        CCOCR_DocParsing_TableScanChn CCOCR_DocParsing_TableScanEng CCOCR_DocParsing_MolecularHandwriting
        CCOCR_DocParsing_FormulaHandwriting CCOCR_Kie_Sroie2019Word CCOCR_Kie_Cord CCOCR_Kie_EphoieScut
        CCOCR_Kie_Poie CCOCR_Kie_ColdSibr CCOCR_Kie_ColdCell CCOCR_MultiLanOcr_Arabic CCOCR_MultiLanOcr_French
        CCOCR_MultiLanOcr_German CCOCR_MultiLanOcr_Italian CCOCR_MultiLanOcr_Japanese CCOCR_MultiLanOcr_Korean
        CCOCR_MultiLanOcr_Portuguese CCOCR_MultiLanOcr_Russian CCOCR_MultiLanOcr_Spanish
        CCOCR_MultiLanOcr_Vietnamese CCOCR_MultiSceneOcr_Cord CCOCR_MultiSceneOcr_Funsd CCOCR_MultiSceneOcr_Iam
        CCOCR_MultiSceneOcr_ZhDoc CCOCR_MultiSceneOcr_ZhHandwriting CCOCR_MultiSceneOcr_Hieragent
        CCOCR_MultiSceneOcr_Ic15 CCOCR_MultiSceneOcr_Inversetext CCOCR_MultiSceneOcr_Totaltext
        CCOCR_MultiSceneOcr_ZhScene CCOCR_MultiSceneOcr_UgcLaion CCOCR_MultiSceneOcr_ZhDense
        CCOCR_MultiSceneOcr_ZhVertical CCOCR
    """,
    ),
    Unlabelled("cmmmu.py", SUMMARY, "CMMMU_VAL"),
    Unlabelled("vlm2bench.py", SUMMARY, "VLM2Bench"),
    Unlabelled("ost_bench.py", SUMMARY, "OST"),
    Unlabelled("medqbench_mcq.py", SUMMARY, "MedqbenchMCQ MedqbenchMCQ_dev MedqbenchMCQ_test"),
    Unlabelled(
        "medq_deg_bench.py",
        SUMMARY,
        """
        MedQDEGBench_simulate_dev MedQDEGBench_simulate_test MedQDEGBench_good_dev MedQDEGBench_good_test
    """,
    ),
    Unlabelled("chartqapro.py", SUMMARY, "ChartQAPro ChartQAPro_CoT ChartQAPro_PoT"),
    Unlabelled("reasonmap_plus.py", SUMMARY, "ReasonMap-Plus"),
    Unlabelled("olmOCRBench/olmocrbench.py", SUMMARY, "olmOCRBench"),
    Unlabelled("oceanocr.py", SUMMARY, "OceanOCRBench"),
    Unlabelled("matbench.py", SUMMARY, "MATBench"),
    Unlabelled("vlrmbench.py", SUMMARY, "VLRMBench VLRMBench_MultiSolution VLRMBench_Foresight"),
    Unlabelled("OmniDocBench/omnidocbench.py", SUMMARY, "OmniDocBench"),
    Unlabelled("uni_svg.py", SUMMARY, "UniSVG"),
    Unlabelled("sarena.py", SUMMARY, "SArena SArena_MINI"),
    Unlabelled("chartbench.py", SUMMARY, "ChartBench"),
    Unlabelled("design2code.py", SUMMARY, "Design2Code"),
    Unlabelled("vladbench.py", SUMMARY, "VLADBench"),
    Unlabelled("NPMM.py", SUMMARY, "npmm"),
    Unlabelled("mmoral_opg_closed.py", SUMMARY, "MMOral_OPG_CLOSED"),
    Unlabelled(
        "mmrarebench.py",
        SUMMARY,
        """
        MMRarebench_Diagnosis MMRarebench_Treatment MMRarebench_Crossmodal MMRarebench_Examination
    """,
    ),
    Unlabelled(
        "GUI/screenspot_pro.py",
        SUMMARY,
        """
        ScreenSpot_Pro_Development ScreenSpot_Pro_Creative ScreenSpot_Pro_CAD ScreenSpot_Pro_Scientific
        ScreenSpot_Pro_Office ScreenSpot_Pro_OS
    """,
    ),
    Unlabelled(
        "GUI/screenspot.py",
        SUMMARY,
        """
        ScreenSpot_Mobile ScreenSpot_Desktop ScreenSpot_Web ScreenSpot_v2_Mobile ScreenSpot_v2_Desktop
        ScreenSpot_v2_Web
    """,
    ),
    Unlabelled("GUI/venusbench.py", SUMMARY, "VenusBench-GD"),
    Unlabelled("GUI/osworld_g.py", SUMMARY, "OSWorld_G"),
    Unlabelled("GUI/vbgd.py", SUMMARY, "VBGD"),
    Unlabelled("image_mcq.py", PICKLE, "XLRS-Bench-lite"),
    Unlabelled("image_mt.py", PICKLE, "MMDU"),
    Unlabelled("chartmuseum.py", PICKLE, "ChartMuseum_dev ChartMuseum_test"),
    Unlabelled("groundingme.py", PICKLE, "GroundingME"),
    Unlabelled("chartx.py", PICKLE, "ChartX"),
    Unlabelled("spatial457.py", IN_SUMMARY, "Spatial457"),
    Unlabelled(
        "vcr.py",
        IN_SUMMARY,
        """
        VCR_EN_EASY_500 VCR_EN_EASY_100 VCR_EN_EASY_ALL VCR_EN_HARD_500 VCR_EN_HARD_100 VCR_EN_HARD_ALL
        VCR_ZH_EASY_500 VCR_ZH_EASY_100 VCR_ZH_EASY_ALL VCR_ZH_HARD_500 VCR_ZH_HARD_100 VCR_ZH_HARD_ALL
    """,
    ),
    Unlabelled("memlens.py", NO_INDEX, "MemLens_32K MemLens_64K MemLens_128K MemLens_256K"),
    Unlabelled("simplevqa.py", NO_INDEX, "SimpleVQA"),
    Unlabelled("image_vqa.py", COMPARED, "LLaVABench LLaVABench_KO"),
    Unlabelled("wildvision.py", COMPARED, "WildVision"),
    Unlabelled("mmalignbench.py", COMPARED, "MMAlignBench"),
    Unlabelled("creation.py", COMPARED, "LiveMMBench_Creation Creation_MMBench"),
    Unlabelled("image_caption.py", MEASURES, "COCO_VAL"),
    Unlabelled("chartcap.py", MEASURES, "ChartCap"),
    Unlabelled("image_vqa.py", MEASURES, "MMSci_DEV_Captioning_image_only MMSci_DEV_Captioning_with_abs"),
    Unlabelled("foxbench.py", MEASURES, "FoxBench"),
    Unlabelled("medqbench_caption.py", MEASURES, "MedqbenchCaption MedqbenchCaption_dev MedqbenchCaption_test"),
    Unlabelled(
        "medqbench_paired_description.py", MEASURES, "MedqbenchPairedDescription_dev MedqbenchPairedDescription_test"
    ),
    Unlabelled("mmgenbench.py", NOT_SCORED, "MMGenBench-Test MMGenBench-Domain"),
    Unlabelled("image_vqa.py", NOT_SCORED, "MME_CoT_TEST"),
)
