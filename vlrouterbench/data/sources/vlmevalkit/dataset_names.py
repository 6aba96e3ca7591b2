"""Names of VLMEvalKit's image datasets, by which a file's name is taken apart.

Source: the keys of `DATASET_URL` and the names in `supported_datasets` of every class in `vlmeval/dataset/` that asks
about images, at VLMEvalKit's commit e8e78f05 (18 August 2026). Video and text-only datasets are not in it. A name that
VLMEvalKit adds later is found by its image table or its prediction files, as a dataset of one's own is.
"""

from __future__ import annotations

IMAGE_DATASETS: frozenset[str] = frozenset(
    """
    3DSRBench A-Bench_TEST A-Bench_VAL A-OKVQA A4Bench AI2D_MINI AI2D_TEST AI2D_TEST_NO_MASK AMBER APhO_2025
    AesBench_TEST AesBench_VAL Asclepius AyaVisionBench BLINK BLINK_circular BMMR BMMR_mini CCBench CCOCR
    CCOCR_DocParsing_DocPhotoChn CCOCR_DocParsing_DocPhotoEng CCOCR_DocParsing_DocScanChn
    CCOCR_DocParsing_DocScanEng CCOCR_DocParsing_FormulaHandwriting CCOCR_DocParsing_MolecularHandwriting
    CCOCR_DocParsing_TablePhotoChn CCOCR_DocParsing_TablePhotoEng CCOCR_DocParsing_TableScanChn
    CCOCR_DocParsing_TableScanEng CCOCR_Kie_ColdCell CCOCR_Kie_ColdSibr CCOCR_Kie_Cord CCOCR_Kie_EphoieScut
    CCOCR_Kie_Poie CCOCR_Kie_Sroie2019Word CCOCR_MultiLanOcr_Arabic CCOCR_MultiLanOcr_French
    CCOCR_MultiLanOcr_German CCOCR_MultiLanOcr_Italian CCOCR_MultiLanOcr_Japanese CCOCR_MultiLanOcr_Korean
    CCOCR_MultiLanOcr_Portuguese CCOCR_MultiLanOcr_Russian CCOCR_MultiLanOcr_Spanish
    CCOCR_MultiLanOcr_Vietnamese CCOCR_MultiSceneOcr_Cord CCOCR_MultiSceneOcr_Funsd
    CCOCR_MultiSceneOcr_Hieragent CCOCR_MultiSceneOcr_Iam CCOCR_MultiSceneOcr_Ic15
    CCOCR_MultiSceneOcr_Inversetext CCOCR_MultiSceneOcr_Totaltext CCOCR_MultiSceneOcr_UgcLaion
    CCOCR_MultiSceneOcr_ZhDense CCOCR_MultiSceneOcr_ZhDoc CCOCR_MultiSceneOcr_ZhHandwriting
    CCOCR_MultiSceneOcr_ZhScene CCOCR_MultiSceneOcr_ZhVertical CMMMU_VAL CMMU_MCQ COCO_VAL CRPE_EXIST
    CRPE_RELATION CV-Bench-2D CV-Bench-3D CVQA_EN CVQA_LOC CharXiv_descriptive_val CharXiv_reasoning_val
    ChartBench ChartCap ChartMimic_v1_customized ChartMimic_v1_direct ChartMimic_v2_customized
    ChartMimic_v2_customized_1800 ChartMimic_v2_customized_600 ChartMimic_v2_direct ChartMimic_v2_direct_1800
    ChartMimic_v2_direct_600 ChartMuseum_dev ChartMuseum_test ChartQAPro ChartQAPro_CoT ChartQAPro_PoT
    ChartQA_TEST ChartX CoreCognition CountBenchQA Creation_MMBench DA-2K DUDE DUDE_MINI Design2Code
    Detailed_Difference DocVQA_TEST DocVQA_VAL DynaMath DynaMath_noprompt EMMA EMMA_COT ERIQ ERQA
    EmbSpatialBench EuPhO_2024 EuPhO_2025 F_MA_2024 F_MA_2025 FoxBench GMAI-MMBench_TEST GMAI-MMBench_VAL
    GMAI_mm_bench_TEST_part_1 GMAI_mm_bench_TEST_part_10 GMAI_mm_bench_TEST_part_11 GMAI_mm_bench_TEST_part_2
    GMAI_mm_bench_TEST_part_3 GMAI_mm_bench_TEST_part_4 GMAI_mm_bench_TEST_part_5 GMAI_mm_bench_TEST_part_6
    GMAI_mm_bench_TEST_part_7 GMAI_mm_bench_TEST_part_8 GMAI_mm_bench_TEST_part_9 GOBench GQA_TestDev_Balanced
    GSM8K-V GroundingME HRBench4K HRBench8K HallusionBench HiPhO_ALL IPhO_2024 IPhO_2025 InfoVQA_TEST
    InfoVQA_VAL Instance_Comparison K-DTCBench LEGO LEGO_circular LENS-CN-QA LENS-CN-QA_MINI LLaVABench
    LLaVABench_KO LiveMMBench_Creation LiveMMBench_Infographic LiveMMBench_Perception LiveMMBench_Reasoning
    LiveMMBench_Reasoning_circular LiveMMBench_Spatial LogicVista LongDocURL M3oralBench MATBench MIA-Bench
    MLLMGuard_DS MM-HELIX MM-HELIX_lang MM-IFEval MM-Math MMAlignBench MMBench MMBench_CN MMBench_CN_V11
    MMBench_DEV_CN MMBench_DEV_CN_V11 MMBench_DEV_EN MMBench_DEV_EN_V11 MMBench_DEV_KO MMBench_TEST_CN
    MMBench_TEST_CN_V11 MMBench_TEST_EN MMBench_TEST_EN_V11 MMBench_V11 MMBench_V11_MINI MMCR MMDU MME
    MME-RealWorld MME-RealWorld-CN MME-RealWorld-Lite MME-Reasoning MMESCI_EN MMESCI_ES MMESCI_FR MMESCI_JA
    MMESCI_VisionOnly MMESCI_ZH MME_CoT_TEST MMGenBench-Domain MMGenBench-Test MMLongBench_128K MMLongBench_256K
    MMLongBench_32K MMLongBench_512K MMLongBench_DOC MMMU_DEV_VAL MMMU_Pro_10c MMMU_Pro_10c_COT MMMU_Pro_V
    MMMU_Pro_V_COT MMMU_TEST MMOral_OPG_CLOSED MMOral_OPG_OPEN MMRarebench_Crossmodal MMRarebench_Diagnosis
    MMRarebench_Examination MMRarebench_Treatment MMReason_testmini MMSIBench_circular MMSIBench_wo_circular
    MMSafetyBench MMSci_DEV_Captioning_image_only MMSci_DEV_Captioning_with_abs MMSci_DEV_MCQ MMStar MMStar_KO
    MMStar_MINI MMStar_TR MMT-Bench_ALL MMT-Bench_ALL_MI MMT-Bench_VAL MMT-Bench_VAL_MI MMVMBench MMVP MMVet
    MMVet_Hard MM_NIAH_TEST MM_NIAH_VAL MOAT MSEarthMCQ MSSBench MTVQA_TEST MUIRBench MaCBench MathCanvas-Bench
    MathVerse_MINI MathVerse_MINI_Text_Dominant MathVerse_MINI_Text_Lite MathVerse_MINI_Vision_Dominant
    MathVerse_MINI_Vision_Intensive MathVerse_MINI_Vision_Only MathVerse_MINI_Vision_Only_cot MathVision
    MathVision_MINI MathVista_MINI MedQDEGBench_good_dev MedQDEGBench_good_test MedQDEGBench_simulate_dev
    MedQDEGBench_simulate_test MedXpertQA_MM_test MedqbenchCaption MedqbenchCaption_dev MedqbenchCaption_test
    MedqbenchMCQ MedqbenchMCQ_dev MedqbenchMCQ_test MedqbenchPairedDescription_dev
    MedqbenchPairedDescription_test MemLens_128K MemLens_256K MemLens_32K MemLens_64K Memory MicroBench MicroVQA
    MindCubeBench_raw_qa MindCubeBench_tiny_raw_qa NBPhO_2024 NBPhO_2025 NaturalBenchDataset OCRBench
    OCRBench_MINI OCRBench_v2 OCRBench_v2_MINI OCRVQA_TEST OCRVQA_TESTCORE OCR_Reasoning OST OSWorld_G
    OceanOCRBench OlympiadBench OlympiadBench_CN OlympiadBench_EN Omni3DBench OmniDocBench OmniEarth-Bench
    OmniMat_CAL OmniMat_QA OmniMedVQA POPE PanMechanics_2024 PanMechanics_2025 PanPhO_2024 PanPhO_2025
    PathMMU_TEST PathMMU_VAL PathVQA_TEST PathVQA_VAL PhyX_MC PhyX_OE PhyX_mini_MC PhyX_mini_OE Physics
    Physics_blankim PlotQA PuzzleVQA Q-Bench1_TEST Q-Bench1_VAL QSpatial_plus QSpatial_scannet R-Bench-Dis
    R-Bench-Ref RealWorldQA ReasonMap-Plus Reasoning RefCOCO RefSpatial RefSpatial-Bench RefSpatial_wo_unseen
    Retrieval RoboSpatialHome SArena SArena_MINI SCAM SEEDBench2 SEEDBench2_Plus SEEDBench_IMG SEEDBench_IMG_KO
    SFE SFE-zh SGI-Experimental-Reasoning SIUO SIUO_GEN SIUO_MCQ SLIDEVQA SLIDEVQA_MINI SPBench-MV
    SPBench-MV_CoT SPBench-SI SPBench-SI_CoT SSI_Bench SUPERChem SUPERChem_text SciDocBench ScienceQA_TEST
    ScienceQA_VAL ScreenSpot_Desktop ScreenSpot_Mobile ScreenSpot_Pro_CAD ScreenSpot_Pro_Creative
    ScreenSpot_Pro_Development ScreenSpot_Pro_OS ScreenSpot_Pro_Office ScreenSpot_Pro_Scientific ScreenSpot_Web
    ScreenSpot_v2_Desktop ScreenSpot_v2_Mobile ScreenSpot_v2_Web SeePhys SeePhys_vo SimpleVQA SiteBenchImage
    SparBench SparBench_tiny Spatial457 SpatialEval Spatial_Perception State_Comparison State_Invariance
    StaticEmbodiedBench StaticEmbodiedBench_circular TableVQABench TallyQA TaskMeAnything_v1_imageqa_random
    TextVQA_VAL TopViewRS TreeBench UniSVG VBGD VCR_EN_EASY_100 VCR_EN_EASY_500 VCR_EN_EASY_ALL VCR_EN_HARD_100
    VCR_EN_HARD_500 VCR_EN_HARD_ALL VCR_ZH_EASY_100 VCR_ZH_EASY_500 VCR_ZH_EASY_ALL VCR_ZH_HARD_100
    VCR_ZH_HARD_500 VCR_ZH_HARD_ALL VGRPBench VL-RewardBench VLADBench VLM2Bench VLMBias VLMBlind VLRMBench
    VLRMBench_Foresight VLRMBench_MultiSolution VMCBench_DEV VMCBench_TEST VSR-zeroshot VStarBench VTCBench
    VenusBench-GD ViewSpatialBench VisFactor VisFactor_CoT VisFactor_GE VisFactor_GE_CoT VisFactor_GH
    VisFactor_GH_CoT VisFactor_GN VisFactor_GN_CoT VisOnlyQA-VLMEvalKit VisuLogic VisualPuzzles VizWiz WeMath
    WeMath_COT WikiVQABench WildDoc WildVision WorldMedQA-V WorldVQA XLRS-Bench-lite ZEROBench ZEROBench_sub
    atomic_dataset electro_dataset hle hle_verified mechanics_dataset npmm olmOCRBench optics_dataset
    quantum_dataset statistics_dataset tdbench_cs_depth tdbench_cs_height tdbench_cs_integrity tdbench_cs_zoom
    tdbench_grounding_rot0 tdbench_grounding_rot180 tdbench_grounding_rot270 tdbench_grounding_rot90
    tdbench_rot0 tdbench_rot180 tdbench_rot270 tdbench_rot90 vlms_are_biased_main wildprobe_multiimg_reasoning
    """.split()
)
