"""Word lists and kinds the images and questions are made of: plain data, nothing computed.

Decisions
- Everything is fictional or a common noun; no names of persons and no real brands.
- Lists ordered by difficulty say so. Their order is what makes a knowledge question harder: rarer words, not a flag.
"""

from __future__ import annotations

PAGE_KINDS: dict[str, tuple[str, ...]] = {
    "DocVQA_VAL": ("form", "letter", "table", "receipt", "form", "letter"),
    "InfoVQA_VAL": ("infographic", "infographic", "infographic", "table"),
    "OCRBench": ("word", "word", "word", "receipt", "form", "letter"),
    "TextVQA_VAL": ("word", "word", "infographic", "receipt"),
    "MMMU_DEV_VAL": ("passage", "passage", "table"),
    "MMStar": ("passage", "table", "infographic"),
    "MathVista_MINI": ("table", "receipt"),
}
OTHER_PAGES: tuple[str, ...] = ("passage", "table", "receipt", "infographic", "word", "form")
DIAGRAM_KINDS: dict[str, tuple[str, ...]] = {
    "AI2D_TEST": ("web", "web", "chain", "parts", "parts"),
    "MathVision_MINI": ("geometry", "geometry", "matrix", "matrix"),
    "MathVerse_MINI": ("geometry", "geometry", "geometry"),
    "MathVista_MINI": ("geometry", "geometry", "matrix", "web"),
    "MMMU_DEV_VAL": ("geometry", "parts", "parts", "chain"),
}
OTHER_DIAGRAMS: tuple[str, ...] = ("geometry", "web", "chain", "parts", "matrix")
SHAPES: tuple[str, ...] = ("triangle", "square", "circle")
COUNT_WORDS: tuple[str, ...] = ("one", "two", "three")

COLOURS: tuple[tuple[str, tuple[int, int, int]], ...] = (
    ("red", (208, 48, 42)),
    ("blue", (42, 92, 190)),
    ("green", (46, 140, 68)),
    ("yellow", (240, 202, 52)),
    ("orange", (236, 132, 38)),
    ("purple", (128, 66, 160)),
    ("pink", (238, 140, 178)),
    ("brown", (126, 82, 46)),
    ("black", (28, 28, 30)),
    ("white", (246, 246, 246)),
)

PRODUCTS: tuple[str, ...] = (
    *("Lumo lamp", "Brisk tea", "Orbit mug", "Felt cap", "Pine desk", "Nimbus fan", "Copper pan", "Quill pen"),
    *("Drift sofa", "Ember stove", "Maple bowl", "Tidal soap", "Velo pump", "Zesto juice", "Harbor rope", "Cloud rug"),
)
CITIES: tuple[str, ...] = (
    *("Varnholm", "Estoria", "Quellin", "Port Amber", "Nordwick", "Salvera", "Tamrin", "Lowmere"),
    *("Ostrava Bay", "Brindle", "Cardun", "Fenwater", "Hollin", "Iskara", "Jorvale", "Kestrel Hill"),
)
COMPANIES: tuple[str, ...] = (
    *("Brightwater Supply", "Oakline Traders", "Northgate Works", "Silverfern Ltd", "Bluepeak Foods"),
    *("Meridian Paper Co", "Larkspur Travel", "Granite Tools", "Coral Coast Hotel", "Thistle Garden Shop"),
)
MONTHS: tuple[str, ...] = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MEASURES: tuple[tuple[str, str], ...] = (
    ("Units sold", "units"),
    ("Rainfall", "mm"),
    ("Energy use", "kWh"),
    ("Visitors", "thousand"),
    ("Exports", "million tons"),
    ("Revenue", "million"),
    ("Bike trips", "hundred"),
    ("Water level", "cm"),
)
INFO_LABELS: tuple[str, ...] = (
    *("people recycle", "use a bus daily", "drink enough water", "own a garden", "read every week", "work from home"),
    *("save energy", "grow vegetables", "repair old things", "sleep eight hours", "shop locally", "cycle to school"),
)

FORM_FIELDS: tuple[tuple[str, str], ...] = (
    *(
        ("Invoice no", "code"),
        ("Order no", "code"),
        ("Customer no", "code"),
        ("Contract no", "code"),
        ("Tax no", "code"),
    ),
    *(("Date", "date"), ("Due date", "date"), ("Delivery date", "date"), ("City", "city"), ("Branch", "city")),
    *(("Company", "company"), ("Product", "product"), ("Phone", "phone"), ("Fax", "phone")),
)
"""Names of form fields and the sort of value each takes."""

OBJECTS: tuple[str, ...] = ("house", "tree", "car", "ball", "box", "star", "kite", "flag")
ANIMALS: tuple[str, ...] = ("fox", "owl", "frog", "hare", "trout", "beetle", "hawk", "snail", "mouse", "otter", "heron")
PLANTS: tuple[str, ...] = ("grass", "clover", "algae", "reeds", "berries", "moss")
CAUSES: tuple[tuple[str, ...], ...] = (
    ("rain", "grass", "rabbits", "foxes", "sun", "hay", "birds"),
    ("price", "sales", "supply", "wages", "demand", "imports", "savings"),
    ("cortisol", "glycogen", "insulin", "glucagon", "lipolysis", "ketones", "ghrelin"),
)
"""Node names of cause-and-effect charts, ordered by difficulty."""

SENTENCES: tuple[str, ...] = (
    "We thank you for your order and confirm that it was received in good condition.",
    "The meeting room on the second floor will be closed for painting until further notice.",
    "All visitors are asked to sign the book at the entrance and to wear a badge.",
    "Please return the enclosed form with your signature before the end of the month.",
    "Heavy rain has delayed the delivery of building material to the northern site.",
    "The library extends its opening hours during the examination weeks.",
    "Members may bring one guest to the summer concert free of charge.",
    "The committee reviewed the budget and found no reason to change the plan.",
    "Spare parts are kept in the blue cabinet next to the workshop door.",
    "Travel costs are paid back within ten days after the receipts are handed in.",
    "The new pump lowers water use by a third and needs service twice a year.",
    "Samples were stored in the dark at four degrees before they were measured.",
)
WORDS: tuple[str, ...] = (
    *("OPEN", "SALE", "EXIT", "HOTEL", "MARKET", "STATION", "LIBRARY", "GARDEN", "PARKING", "BAKERY", "MUSEUM"),
    *("CAUTION", "WELCOME", "HARBOUR", "ORCHARD", "TICKETS", "LANTERN", "COMPASS", "VOYAGER", "SUMMIT", "HORIZON"),
)
SHOPS: tuple[tuple[str, str], ...] = (
    ("BAKERY", "bread"),
    ("FLORIST", "flowers"),
    ("PHARMACY", "medicine"),
    ("TOY SHOP", "toys"),
    ("STATIONER", "paper"),
    ("OPTICIAN", "glasses"),
    ("VINTNER", "wine"),
    ("FURRIER", "furs"),
    ("MILLINER", "hats"),
    ("LUTHIER", "violins"),
    ("CHANDLER", "candles"),
    ("HOROLOGIST", "clocks"),
    ("FLETCHER", "arrows"),
    ("COOPER", "barrels"),
    ("CORDWAINER", "shoes"),
    ("NUMISMATIST", "coins"),
)
"""Shop sign and what is sold there, ordered by difficulty."""

PARTS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "plant",
        (
            ("root", "takes up water from the soil"),
            ("leaf", "catches sunlight"),
            ("flower", "attracts bees"),
            ("stem", "holds the plant up"),
            ("seed", "grows into a new plant"),
        ),
    ),
    (
        "body",
        (
            ("heart", "pumps blood"),
            ("lung", "takes in air"),
            ("stomach", "breaks down a meal with acid"),
            ("brain", "sends out orders to the muscles"),
            ("kidney", "cleans the blood"),
        ),
    ),
    (
        "volcano and crust",
        (
            ("magma chamber", "stores molten rock"),
            ("vent", "lets lava escape"),
            ("mantle", "lies directly under the crust"),
            ("outer core", "is liquid metal"),
            ("inner core", "is solid under the highest pressure"),
        ),
    ),
    (
        "cell",
        (
            ("ribosome", "assembles proteins from amino acids"),
            ("mitochondrion", "produces ATP by oxidative phosphorylation"),
            ("Golgi apparatus", "modifies and packages glycoproteins for secretion"),
            ("lysosome", "degrades macromolecules with acid hydrolases"),
            ("nucleolus", "is the site of ribosomal RNA transcription"),
        ),
    ),
    (
        "nephron and neuron",
        (
            ("loop of Henle", "maintains the medullary osmotic gradient by countercurrent multiplication"),
            ("glomerulus", "performs ultrafiltration driven by hydrostatic pressure"),
            ("axon hillock", "integrates postsynaptic potentials until depolarisation threshold"),
            ("Schwann cell", "provides myelination enabling saltatory conduction in peripheral axons"),
            ("juxtaglomerular cell", "secretes renin in response to reduced renal perfusion pressure"),
        ),
    ),
)
"""Topics with their parts and what each part does, ordered by difficulty."""

TERMS: tuple[tuple[tuple[str, str], ...], ...] = (
    (
        ("ice", "water that is frozen"),
        ("night", "the time when the sky is dark"),
        ("winter", "the coldest season"),
        ("wheel", "a round part that lets a cart roll"),
        ("shadow", "a dark shape where light is blocked"),
    ),
    (
        ("gravity", "the force that pulls things to the ground"),
        ("evaporation", "water turning into vapour"),
        ("orbit", "the path of a planet around a star"),
        ("magnet", "a body that attracts iron"),
        ("harvest", "gathering ripe crops from the field"),
    ),
    (
        ("photosynthesis", "plants making sugar from carbon dioxide with light"),
        ("friction", "a force that opposes sliding between surfaces"),
        ("inflation", "a general rise of prices over time"),
        ("erosion", "wearing away of rock by wind or water"),
        ("refraction", "bending of light as it enters another medium"),
    ),
    (
        ("osmosis", "diffusion of solvent through a semipermeable membrane toward higher solute concentration"),
        ("catalyst", "a substance lowering activation energy without being consumed in the reaction"),
        ("monopoly", "a market structure with a single seller facing the entire demand curve"),
        ("entropy", "a state function that measures the number of accessible microstates"),
        ("allele", "one of several variants of a gene at the same chromosomal locus"),
    ),
    (
        ("Nash equilibrium", "a strategy profile in which no player gains from unilateral deviation"),
        ("eigenvalue", "a scalar by which a linear operator rescales an invariant direction"),
        ("epistasis", "masking of phenotypic expression at one locus by the genotype at another locus"),
        ("adiabatic process", "a thermodynamic transformation without heat exchange with the surroundings"),
        ("moral hazard", "hidden post-contractual action by an insured agent under asymmetric information"),
    ),
)
"""Rungs of five terms with definitions, ordered by difficulty."""
