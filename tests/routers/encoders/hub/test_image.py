"""Image encoders of the Hub: the family's own pooled output, of the whole picture."""

import json
import shutil

import numpy as np
import pytest
import torch
import transformers
from PIL import Image, ImageDraw
from safetensors.torch import load_file, save_file

from tests.hub_models import save_image_model, save_text_model
from vlrouterbench.routers.encoders.hub.folder import HubEncoderError
from vlrouterbench.routers.encoders.hub.image import HubImageEncoder, has_image
from vlrouterbench.routers.encoders.sample_input import RouterInput

KINDS = {"siglip": 32, "siglip2": 32, "clip": 24, "dinov2": 32, "vit": 32}
CROPPING = ("clip", "dinov2")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("image")
    return {kind: save_image_model(root / kind, kind) for kind in KINDS}


@pytest.fixture(scope="module")
def encoders(folders):
    return {kind: HubImageEncoder(folder) for kind, folder in folders.items()}


def _noise(size, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def _encode(encoder, *images):
    return encoder.encode([RouterInput("", image=image) for image in images])


def _plain(kind, folder, image):
    """The vector by transformers alone, of the whole model with both towers and the processor as it stands."""
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    model = transformers.AutoModel.from_pretrained(folder).eval()
    inputs = processor(images=[image], return_tensors="pt")
    with torch.no_grad():
        if kind == "clip":
            vector = model.visual_projection(model.vision_model(**inputs).pooler_output)
            features = model.get_image_features(**inputs)
            torch.testing.assert_close(features if torch.is_tensor(features) else features.pooler_output, vector)
        elif kind.startswith("siglip"):
            vector = model.get_image_features(**inputs).pooler_output
        else:
            vector = model(**inputs).last_hidden_state[:, 0]
    return vector / vector.norm()


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_are_those_of_plain_transformers(kind, folders, encoders):
    """Of a picture of just the model's size, which no processor has to crop."""
    image = _noise((32, 32))
    folder = folders[kind]
    processor = json.loads((folder / "preprocessor_config.json").read_text())
    if kind in CROPPING:
        assert processor["size"]["shortest_edge"] > 32, "the processor would enlarge and crop"
        inputs = {"do_resize": False}
    else:
        inputs = {}
    vectors = _encode(encoders[kind], image)
    assert vectors.shape == (1, encoders[kind].dim) == (1, KINDS[kind]) and vectors.dtype == torch.float32
    expected = _plain(kind, _processor_with(folder, inputs), image)
    torch.testing.assert_close(vectors, expected, atol=1e-5, rtol=0)
    other = _encode(encoders[kind], _noise((32, 32), seed=1))
    assert not torch.allclose(vectors, other, atol=1e-2), "different pictures have different vectors"


def _processor_with(folder, changes):
    """The folder, or a copy of it whose processor has other settings."""
    if not changes:
        return folder
    copy = folder.with_name(f"{folder.name}-changed")
    shutil.copytree(folder, copy, dirs_exist_ok=True)
    path = copy / "preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return copy


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_of_another_size_is_resized_as_the_processor_says_or_padded_by_us(kind, folders, encoders):
    image = _noise((90, 30))
    prepared, changes = image, {}
    if kind in CROPPING:
        # By hand: 90 x 30 fits 32 x 32 as 32 x 11, ten rows from the top, on the mean colour.
        mean = {"clip": (123, 117, 104), "dinov2": (124, 116, 104)}[kind]
        prepared, changes = Image.new("RGB", (32, 32), mean), {"do_resize": False}
        prepared.paste(image.resize((32, 11), Image.Resampling.BICUBIC), (0, 10))
    expected = _plain(kind, _processor_with(folders[kind], changes), prepared)
    torch.testing.assert_close(_encode(encoders[kind], image), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("edge", [(0, 0, 9, 149), (390, 0, 399, 149), (0, 0, 399, 9), (0, 140, 399, 149)])
def test_every_edge_of_a_wide_page_changes_the_vector(kind, edge, encoders):
    page, marked = Image.new("RGB", (400, 150), "white"), Image.new("RGB", (400, 150), "white")
    ImageDraw.Draw(marked).rectangle(edge, fill="black")
    plain, changed = _encode(encoders[kind], page, marked)
    assert (plain - changed).abs().max() > 1e-4


@pytest.mark.parametrize("kind", CROPPING)
def test_the_processors_own_crop_would_miss_the_edge(kind, folders):
    """The test above can fail: with the crop left on, the left edge of that page changes nothing."""
    page, marked = Image.new("RGB", (400, 150), "white"), Image.new("RGB", (400, 150), "white")
    ImageDraw.Draw(marked).rectangle((0, 0, 9, 149), fill="black")
    torch.testing.assert_close(_plain(kind, folders[kind], page), _plain(kind, folders[kind], marked), atol=0, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_alone_is_the_row_of_a_batch_and_a_missing_picture_is_zero(kind, encoders):
    images = [_noise((50, 40)), None, _noise((20, 70), seed=1), Image.new("RGB", (32, 32))]
    inputs = [RouterInput("", image=image) for image in images]
    vectors = encoders[kind].encode(inputs)
    assert has_image(inputs).tolist() == [True, False, True, True]
    assert not vectors[1].any()
    torch.testing.assert_close(vectors.norm(dim=1), torch.tensor([1.0, 0.0, 1.0, 1.0]))
    alone = torch.cat([encoders[kind].encode([sample]) for sample in inputs])
    torch.testing.assert_close(vectors, alone, atol=1e-5, rtol=0)


def test_no_pictures_and_no_rows(encoders):
    assert not _encode(encoders["siglip"], None, None).any()
    assert encoders["siglip"].encode([]).shape == (0, 32)


def _turned(image):
    """The picture lying on its side, with the EXIF mark that says so, as a camera writes it."""
    lying = image.transpose(Image.Transpose.ROTATE_90)
    lying.getexif()[0x0112] = 6
    return lying


def _clear(image):
    """Black under full transparency where the picture is white."""
    rgba = image.convert("RGBA")
    alpha = image.convert("L").point(lambda value: 0 if value == 255 else 255)
    black = Image.new("RGBA", image.size, (0, 0, 0, 0))
    black.paste(rgba, mask=alpha)
    return black


@pytest.mark.parametrize(
    "made",
    [
        lambda image: image.convert("L"),
        lambda image: image.convert("P"),
        lambda image: Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257),
        _clear,
        _turned,
    ],
    ids=["grey", "palette", "16-bit", "transparent", "turned"],
)
@pytest.mark.parametrize("kind", ["siglip", "dinov2"])
def test_the_same_picture_in_another_form_has_the_same_vector(kind, made, encoders):
    image = Image.new("RGB", (60, 40), "white")
    ImageDraw.Draw(image).line((5, 35, 30, 5), fill="black", width=4)
    torch.testing.assert_close(_encode(encoders[kind], made(image)), _encode(encoders[kind], image), atol=1e-4, rtol=0)


@pytest.mark.parametrize("size", [(1, 1), (3, 60), (60, 3), (1, 900), (900, 1)])
@pytest.mark.parametrize("kind", KINDS)
def test_any_size_gives_a_vector(kind, size, encoders):
    assert _encode(encoders[kind], _noise(size)).isfinite().all()


def test_a_picture_three_pixels_high_is_not_taken_for_three_channels(encoders):
    low, high = _encode(encoders["siglip"], Image.new("RGB", (60, 3), "red"), Image.new("RGB", (60, 30), "red"))
    torch.testing.assert_close(low, high, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_description_says_what_the_vectors_depend_on(kind, encoders, folders):
    described = json.loads(json.dumps(encoders[kind].describe()))
    assert len(described.pop("sha256")) == 64
    assert described == {
        "id": str(folders[kind]),
        "revision": None,
        "family": kind,
        "pooling": {"clip": "projection", "siglip": "pooler", "siglip2": "pooler"}.get(kind, "cls"),
        "normalise": True,
        "resize": "pad" if kind in CROPPING else "as the processor says",
        "canvas": [32, 32] if kind in CROPPING else None,
        "dtype": "float32",
        "version": 1,
    }


@pytest.mark.parametrize("kind", ["siglip", "clip", "siglip2"])
def test_only_the_vision_tower_is_held(kind, encoders, folders):
    whole = transformers.AutoModel.from_pretrained(folders[kind]).num_parameters()
    held = sum(parameter.numel() for parameter in encoders[kind]._model.parameters())
    assert held < 0.8 * whole


def test_a_vision_tower_saved_alone_gives_the_same_vectors(folders, encoders, tmp_path):
    for kind, name in (("siglip", "SiglipVisionModel"), ("clip", "CLIPVisionModelWithProjection")):
        shutil.copytree(folders[kind], tmp_path / kind, ignore=shutil.ignore_patterns("config.json", "model.*"))
        config = transformers.AutoConfig.from_pretrained(folders[kind]).vision_config
        config.projection_dim = KINDS["clip"]
        tower = getattr(transformers, name).from_pretrained(folders[kind], config=config)
        tower.save_pretrained(tmp_path / kind)
        vectors = _encode(HubImageEncoder(tmp_path / kind), _noise((40, 40)))
        torch.testing.assert_close(vectors, _encode(encoders[kind], _noise((40, 40))), atol=1e-6, rtol=0)


def test_weights_of_another_size_are_an_error(folders, tmp_path):
    shutil.copytree(folders["clip"], tmp_path / "clip")
    path = tmp_path / "clip" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"projection_dim": 20}))
    with pytest.raises(HubEncoderError, match="cannot be loaded"):
        HubImageEncoder(tmp_path / "clip")


def test_another_vision_model_gives_its_own_pooled_output_and_its_processor_does_not_crop(tmp_path):
    config = transformers.ConvNextConfig(num_stages=2, hidden_sizes=[8, 16], depths=[1, 1], image_size=32)
    torch.manual_seed(0)
    transformers.ConvNextModel(config).save_pretrained(tmp_path)
    transformers.ConvNextImageProcessorPil(size={"shortest_edge": 32}, crop_pct=0.875).save_pretrained(tmp_path)
    encoder = HubImageEncoder(tmp_path)
    described = encoder.describe()
    assert (described["family"], described["pooling"], described["resize"]) == ("unknown", "pooler", "pad")
    processor = transformers.AutoImageProcessor.from_pretrained(tmp_path, backend="pil")
    image = _noise((32, 32))
    with torch.no_grad():
        model = transformers.AutoModel.from_pretrained(tmp_path).eval()
        expected = model(**processor([image], do_resize=False, return_tensors="pt")).pooler_output
    torch.testing.assert_close(_encode(encoder, image), expected / expected.norm(), atol=1e-5, rtol=0)


def test_missing_weights_of_the_pooled_output_are_an_error(folders, tmp_path):
    shutil.copytree(folders["clip"], tmp_path / "clip")
    path = tmp_path / "clip" / "model.safetensors"
    weights = load_file(path)
    del weights["visual_projection.weight"]
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(HubEncoderError, match=r"none for visual_projection\.weight"):
        HubImageEncoder(tmp_path / "clip")


def test_a_text_model_is_no_image_encoder(tmp_path):
    with pytest.raises(HubEncoderError, match="give it as the text encoder"):
        HubImageEncoder(save_text_model(tmp_path / "bert"))


def test_a_folder_without_processor_is_refused(folders, tmp_path):
    shutil.copytree(folders["dinov2"], tmp_path / "copy", ignore=shutil.ignore_patterns("preprocessor_config.json"))
    with pytest.raises(HubEncoderError, match="expected an image processor"):
        HubImageEncoder(tmp_path / "copy")


def test_a_model_with_code_of_its_own_is_refused(folders, tmp_path):
    shutil.copytree(folders["vit"], tmp_path / "copy")
    path = tmp_path / "copy" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"auto_map": {"AutoModel": "own.Model"}}))
    with pytest.raises(HubEncoderError, match="code of its own"):
        HubImageEncoder(tmp_path / "copy")
