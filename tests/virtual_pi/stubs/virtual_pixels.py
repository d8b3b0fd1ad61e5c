"""The pictures of a virtual camera: NV12 in a buffer, made into the format and look that were asked for."""

import mmap

import cv2
import numpy as np

FORMATS = {  # bytes in a row for one pixel of width; rows for one of height (the planar one: 3/2)
    "RGB888": (3, cv2.COLOR_YUV2BGR_NV12),
    "BGR888": (3, cv2.COLOR_YUV2RGB_NV12),
    "XRGB8888": (4, cv2.COLOR_YUV2BGRA_NV12),
    "XBGR8888": (4, cv2.COLOR_YUV2RGBA_NV12),
    "YUV420": (1, None),
    "NV12": (1, None),
}


def length_of(fmt, width, height):
    """Bytes of a picture."""
    return width * height * 3 // 2 if FORMATS[fmt][0] == 1 else width * height * FORMATS[fmt][0]


def crop(image, width, height, wanted, view):
    """Show only a part of an NV12 picture that shows `view` of the sensor."""
    left, top = (wanted.x - view.x) / view.width, (wanted.y - view.y) / view.height
    right, bottom = left + wanted.width / view.width, top + wanted.height / view.height
    for plane in (image[:height], image[height:].reshape(height // 2, width // 2, 2)):
        rows, columns = plane.shape[:2]
        part = plane[round(top * rows) : round(bottom * rows), round(left * columns) : round(right * columns)]
        plane[:] = cv2.resize(part.copy(), (columns, rows), interpolation=cv2.INTER_NEAREST)


def process(fd, fmt, width, height, values, view, balance):
    """Turn the NV12 in a buffer into the format asked for, with crop, white balance, contrast and brightness."""
    pixels = width * height
    with mmap.mmap(fd, length_of(fmt, width, height)) as memory:
        whole = np.frombuffer(memory, np.uint8)
        image = whole[: pixels * 3 // 2].reshape(height * 3 // 2, width)
        contrast, brightness = values.get("Contrast", 1.0), values.get("Brightness", 0.0)
        if "ScalerCrop" in values:
            crop(image, width, height, values["ScalerCrop"], view)
        balance.show(image, width, height)
        if contrast != 1.0 or brightness:
            image[:height] = cv2.convertScaleAbs(
                image[:height], alpha=contrast, beta=128 * (1 - contrast) + 128 * brightness
            )
        if fmt == "YUV420":
            pairs = image[height:].reshape(-1, 2).copy()
            whole[pixels : pixels * 5 // 4], whole[pixels * 5 // 4 : pixels * 3 // 2] = pairs[:, 0], pairs[:, 1]
        elif fmt != "NV12":
            whole[:] = cv2.cvtColor(image.copy(), FORMATS[fmt][1]).reshape(-1)
        del whole, image
