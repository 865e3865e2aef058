"""The words of a form's page, in the two languages that it speaks to people in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from duyen.forms.answers import Fault


class Words(NamedTuple):
    """One language."""

    language: str
    send: str
    optional: str
    choose: str
    trap: str
    fix: str
    faults: Mapping[Fault, str]
    altered: str
    old: str
    quick: str
    robot: str
    often: str
    busy: str
    too_much: str
    thanks_title: str
    thanks: str
    download: str
    link_title: str
    link_altered: str
    link_old: str
    link_missing: str
    link_again: str
    gone_title: str
    gone: str


VI = Words(
    language="Tiếng Việt",
    send="Gửi",
    optional="không bắt buộc",
    choose="Chọn một mục",
    trap="Để trống ô này",
    fix="Có ô cần sửa; câu trả lời của bạn vẫn còn đây.",
    faults={
        "required": "Bạn hãy điền ô này.",
        "tick": "Bạn hãy đánh dấu ô này để tiếp tục.",
        "long": "Câu trả lời dài quá 500 ký tự; bạn hãy viết ngắn hơn.",
        "email": "Đây chưa phải là địa chỉ email, ví dụ an@example.com.",
        "phone": "Đây chưa phải là số điện thoại, ví dụ 0901 234 567.",
        "number": "Bạn hãy viết một con số, ví dụ 12 hoặc 12.5.",
        "date": "Bạn hãy viết ngày dạng năm-tháng-ngày, ví dụ 1990-05-27.",
        "choice": "Bạn hãy chọn một mục trong danh sách.",
    },
    altered="Biểu mẫu gửi đến bị cắt hoặc đã thay đổi, nên chưa được ghi nhận. Bạn hãy gửi lại.",
    old="Trang này đã mở quá lâu. Câu trả lời của bạn vẫn còn đây; bạn hãy gửi lại.",
    quick="Biểu mẫu được gửi nhanh hơn người có thể điền. Bạn hãy bấm gửi lần nữa.",
    robot="Biểu mẫu này có vẻ do máy điền, nên chưa được ghi nhận. Nếu bạn là người, hãy bấm gửi lần nữa.",
    often="Có quá nhiều biểu mẫu gửi từ nơi của bạn. Bạn vui lòng thử lại sau ít phút.",
    busy="Máy chủ đang bận, câu trả lời chưa được ghi nhận. Bạn vui lòng thử lại sau ít phút.",
    too_much="Câu trả lời dài quá, nên chưa được ghi nhận. Bạn hãy viết ngắn hơn.",
    thanks_title="Cảm ơn bạn",
    thanks="Chúng tôi đã nhận được câu trả lời của bạn.",
    download="Tải tệp {file}",
    link_title="Chưa tải được tệp",
    link_altered="Liên kết tải bị cắt hoặc đã thay đổi.",
    link_old="Liên kết tải đã quá bảy ngày.",
    link_missing="Tệp này hiện không có ở đây. Bạn vui lòng thử lại sau.",
    link_again="Điền biểu mẫu để nhận liên kết mới",
    gone_title="Không có biểu mẫu này",
    gone="Biểu mẫu này không còn, hoặc liên kết bị cắt. Bạn hãy mở lại liên kết đã nhận.",
)
EN = Words(
    language="English",
    send="Send",
    optional="optional",
    choose="Choose one",
    trap="Leave this empty",
    fix="Something needs a correction; your answers are still here.",
    faults={
        "required": "Please answer this.",
        "tick": "Please tick this box to go on.",
        "long": "The answer has more than 500 characters; please write less.",
        "email": "This is not an e-mail address yet, such as an@example.com.",
        "phone": "This is not a phone number yet, such as 0901 234 567.",
        "number": "Please write a number, such as 12 or 12.5.",
        "date": "Please write the date as year-month-day, such as 1990-05-27.",
        "choice": "Please choose one of the list.",
    },
    altered="The form arrived cut off or changed, so it was not taken in. Please send it again.",
    old="This page was open for too long. Your answers are still here; please send them again.",
    quick="The form was sent faster than people can fill it in. Please press the button once more.",
    robot="This form seems to be filled in by a machine, so it was not taken in. "
    "If you are a person, press the button once more.",
    often="Too many forms were sent from where you are. Please try again in a few minutes.",
    busy="The server is busy; your answers were not taken in. Please try again in a few minutes.",
    too_much="The answers are too long, so they were not taken in. Please write less.",
    thanks_title="Thank you",
    thanks="We have received your answers.",
    download="Download {file}",
    link_title="The file cannot be downloaded",
    link_altered="The link to the file is cut off or was changed.",
    link_old="The link to the file is older than seven days.",
    link_missing="The file is not here at present. Please try again later.",
    link_again="Fill in the form to get a new link",
    gone_title="There is no such form",
    gone="This form is gone, or its link is cut off. Please open the link that you were given again.",
)
WORDS: Mapping[str, Words] = {"vi": VI, "en": EN}


def spoken(asked: str, accepted: str, usual: str) -> str:
    """The language of a page: the one asked for, else the first that the browser accepts, else the company's own."""
    if asked in WORDS:
        return asked
    liked = [(-_weight(part), part.strip()[:2].lower()) for part in accepted[:500].split(",")]
    for weight, language in sorted(liked, key=lambda pair: pair[0]):
        if weight and language in WORDS:
            return language
    return usual if usual in WORDS else "vi"


def _weight(part: str) -> float:
    """How much a language is liked (RFC 9110, 12.5.4); 1 where nothing is said, 0 where it cannot be read."""
    _, _, told = part.partition(";q=")
    try:
        return float(told or 1)
    except ValueError:
        return 0.0
