"""Small grammars of four languages, for the planted documents that are not English."""

from __future__ import annotations

import random

# For each language: whom, does what, to what, where or when. Any row of choices is a sentence without mistakes.
_WORDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "de": (
        ("Der Bürgermeister", "Die Lehrerin", "Unser Nachbar", "Der alte Fischer", "Die junge Ärztin", "Mein Bruder",
         "Die Verwaltung", "Der Verein", "Eine Kundin", "Der Gärtner"),
        ("kauft", "findet", "beschreibt", "verkauft", "sucht", "zeigt", "repariert", "vergisst", "erklärt", "braucht"),
        ("das kleine Haus", "die neue Brücke", "den roten Wagen", "ein altes Buch", "die lange Liste", "den Schlüssel",
         "das Fenster", "die Rechnung", "einen guten Plan", "das Werkzeug"),
        ("am frühen Morgen", "in der Stadt", "ohne große Eile", "nach dem Essen", "vor der Kirche", "seit gestern",
         "im nächsten Jahr", "mit viel Geduld", "wegen des Regens", "zum ersten Mal"),
    ),
    "fr": (
        ("Le maire", "La maîtresse", "Notre voisin", "Le vieux pêcheur", "La jeune femme", "Mon frère", "La mairie",
         "Une cliente", "Le jardinier", "Cette équipe"),
        ("achète", "trouve", "décrit", "vend", "cherche", "montre", "répare", "oublie", "explique", "garde"),
        ("la petite maison", "le nouveau pont", "la voiture rouge", "un vieux livre", "la longue liste", "les clés",
         "la fenêtre", "cette facture", "un bon projet", "les outils"),
        ("tôt le matin", "dans la ville", "sans se presser", "après le repas", "devant l'église", "depuis hier",
         "avant l'été", "avec patience", "à cause de la pluie", "pour la première fois"),
    ),
    "es": (
        ("El alcalde", "La maestra", "Nuestro vecino", "El viejo pescador", "La joven doctora", "Mi hermano",
         "El ayuntamiento", "Una clienta", "El jardinero", "Este equipo"),
        ("compra", "encuentra", "describe", "vende", "busca", "muestra", "repara", "olvida", "explica", "guarda"),
        ("la casa pequeña", "el puente nuevo", "el coche rojo", "un libro viejo", "la larga lista", "las llaves",
         "la ventana", "esta factura", "un buen plan", "las herramientas"),
        ("por la mañana", "en la ciudad", "sin mucha prisa", "después de comer", "frente a la iglesia", "desde ayer",
         "antes del verano", "con paciencia", "a causa de la lluvia", "por primera vez"),
    ),
    "it": (
        ("Il sindaco", "La maestra", "Il nostro vicino", "Il vecchio pescatore", "La giovane dottoressa",
         "Mio fratello", "Il comune", "Una cliente", "Il giardiniere", "Questa squadra"),
        ("compra", "trova", "descrive", "vende", "cerca", "mostra", "ripara", "dimentica", "spiega", "conserva"),
        ("la piccola casa", "il nuovo ponte", "la macchina rossa", "un vecchio libro", "la lunga lista", "le chiavi",
         "la finestra", "questa fattura", "un buon progetto", "gli attrezzi"),
        ("al mattino presto", "nella città", "senza molta fretta", "dopo il pranzo", "davanti alla chiesa", "da ieri",
         "prima dell'estate", "con pazienza", "a causa della pioggia", "per la prima volta"),
    ),
}  # fmt: skip


def sentence(language: str, chance: random.Random) -> str:
    """A sentence of de, fr, es or it."""
    return " ".join(chance.choice(words) for words in _WORDS[language]) + "."
