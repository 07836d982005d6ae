"""More statements of the same kinds, with other subjects."""

from __future__ import annotations

P_WARRANTY = (
    "Die Gewährleistungsfrist beträgt zwei Jahre ab Übergabe der Ware. Mängel sind innerhalb von "
    "10 Tagen anzuzeigen. Der Käufer kann zuerst nur Nacherfüllung verlangen. Schadensersatz ist "
    "ausgeschlossen, wenn der Verkäufer den Mangel nicht zu vertreten hat."
)
P_SAFETY = (
    "Visitors must wear a helmet at all times. The gate opens at 7 am and closes at 6 pm. "
    "Forklifts may carry at most 2 tonnes. Jane Doe is responsible for fire safety in hall B. "
    "Smoking is banned in every building. Accidents are reported to the safety office within "
    "24 hours."
)

SUPPORTED: list[tuple[str, str, str]] = [
    (P_WARRANTY, "de", "Die Gewährleistung dauert zwei Jahre ab Übergabe."),
    (P_WARRANTY, "de", "Mängel müssen binnen 10 Tagen angezeigt werden."),
    (P_WARRANTY, "de", "Zunächst kann der Käufer nur Nacherfüllung verlangen."),
    (
        P_WARRANTY,
        "de",
        "Hat der Verkäufer den Mangel nicht zu vertreten, ist Schadensersatz ausgeschlossen.",
    ),
    (P_SAFETY, "en", "All visitors have to wear a helmet."),
    (P_SAFETY, "en", "The gate opens at 7 am."),
    (P_SAFETY, "en", "A forklift can carry no more than 2 tonnes."),
    (P_SAFETY, "en", "Jane Doe is in charge of fire safety in hall B."),
    (P_SAFETY, "en", "Smoking is not allowed in any building."),
    (P_SAFETY, "en", "You must report accidents to the safety office within 24 hours."),
]
UNSUPPORTED: list[tuple[str, str, str]] = [
    (P_WARRANTY, "de", "Die Gewährleistungsfrist beträgt zehn Jahre ab Übergabe der Ware."),
    (P_WARRANTY, "de", "Mängel sind innerhalb von 10 Wochen anzuzeigen."),
    (P_WARRANTY, "de", "Der Verkäufer kann zuerst nur Nacherfüllung verlangen."),
    (P_WARRANTY, "de", "Schadensersatz ist nie ausgeschlossen."),
    (P_WARRANTY, "de", "Der Käufer trägt die Kosten des Versands."),
    (P_SAFETY, "en", "Visitors do not have to wear a helmet."),
    (P_SAFETY, "en", "The gate opens at 6 pm."),
    (P_SAFETY, "en", "The gate closes at 7 am."),
    (P_SAFETY, "en", "Forklifts may carry at least 2 tonnes."),
    (P_SAFETY, "en", "John Roe is responsible for fire safety in hall B."),
    (P_SAFETY, "en", "Smoking is allowed in every building."),
    (P_SAFETY, "en", "Accidents are reported to the safety office within 24 days."),
]
