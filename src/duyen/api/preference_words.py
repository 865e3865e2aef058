"""The words of the preference centre, in the two languages that it speaks to people in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple


class Words(NamedTuple):
    """One language."""

    code: str
    language: str
    title: str
    lead: str
    what: str
    topics: str
    how_often: str
    any_often: str
    often: Callable[[int], str]
    when: str
    any_hours: str
    hours: Mapping[str, str]
    save: str
    none: str
    saved: str
    suppressed: str
    old_title: str
    old: str
    other_title: str
    other: str
    used_title: str
    used: str
    confirm_title: str
    confirm: str
    confirm_do: str
    confirmed_title: str
    confirmed: str
    busy_title: str
    busy: str


VI = Words(
    code="vi",
    language="Tiếng Việt",
    title="Tùy chọn nhận tin",
    lead="Bạn chọn những gì muốn nhận từ {company} qua địa chỉ",
    what="Bạn muốn nhận",
    topics="Bạn thích",
    how_often="Bao lâu một lần",
    any_often="Khi nào có điều đáng nói",
    often=lambda n: f"Nhiều nhất {n} thư mỗi tuần",
    when="Vào lúc nào",
    any_hours="Lúc nào cũng được",
    hours={
        "morning": "Buổi sáng (8:00–12:00)",
        "afternoon": "Buổi chiều (12:00–18:00)",
        "evening": "Buổi tối (18:00–21:00)",
    },
    save="Lưu lựa chọn",
    none="Ngừng nhận tất cả",
    saved="Đã lưu. Lựa chọn của bạn có hiệu lực ngay.",
    suppressed="Bạn đã yêu cầu không liên hệ nữa. Để nhận tin trở lại, hãy trả lời thư của chúng tôi.",
    old_title="Liên kết đã cũ",
    old="Liên kết này đã quá hạn. Bạn hãy mở thư mới nhất của chúng tôi và bấm vào liên kết trong thư đó. "
    "Liên kết ngừng nhận thư trong mọi thư vẫn dùng được.",
    other_title="Liên kết không còn là của bạn",
    other="Liên kết này được gửi cho một người khác, hoặc địa chỉ nay thuộc về người khác. Bạn hãy mở thư mới nhất "
    "gửi đến địa chỉ của bạn. Liên kết ngừng nhận thư trong thư vẫn dùng được.",
    used_title="Không còn gì để xác nhận",
    used="Điều này đã được xác nhận rồi, hoặc bạn đã trả lời khác đi sau đó. Không có gì thay đổi.",
    confirm_title="Xác nhận đăng ký",
    confirm="{company} hỏi: bạn có đồng ý nhận thư qua địa chỉ {address} không?",
    confirm_do="Tôi đồng ý",
    confirmed_title="Đã xác nhận",
    confirmed="Cảm ơn bạn. Bạn có thể rút lại bất cứ lúc nào bằng liên kết trong mỗi thư.",
    busy_title="Chưa ghi nhận được",
    busy="Máy chủ đang bận. Bạn vui lòng thử lại sau ít phút.",
)
EN = Words(
    code="en",
    language="English",
    title="What you receive",
    lead="Choose what {company} may send to",
    what="You would like",
    topics="You like",
    how_often="How often",
    any_often="Whenever there is something to say",
    often=lambda n: f"At most {n} mail{'s' if n > 1 else ''} a week",
    when="At what time",
    any_hours="At any time",
    hours={
        "morning": "In the morning (8:00–12:00)",
        "afternoon": "In the afternoon (12:00–18:00)",
        "evening": "In the evening (18:00–21:00)",
    },
    save="Save",
    none="Stop all mails",
    saved="Saved. Your choice is in effect now.",
    suppressed="You asked not to be contacted any more. To hear from us again, answer one of our mails.",
    old_title="This link is too old",
    old="This link has expired. Open our newest mail and follow the link from there. The link in each mail that stops "
    "mails still works.",
    other_title="This link is not yours any more",
    other="This link was sent to somebody else, or the address belongs to somebody else now. Open the newest mail to "
    "your own address. The link that stops mails still works.",
    used_title="There is nothing to confirm",
    used="This was confirmed already, or you have answered otherwise since. Nothing was changed.",
    confirm_title="Confirm your subscription",
    confirm="{company} asks: do you agree to receive mails at {address}?",
    confirm_do="I agree",
    confirmed_title="Confirmed",
    confirmed="Thank you. You may withdraw at any time by the link in each mail.",
    busy_title="Not saved yet",
    busy="The server is busy. Please try again in a few minutes.",
)
WORDS: Mapping[str, Words] = {"vi": VI, "en": EN}
