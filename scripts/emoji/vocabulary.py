"""The objects that emoji64 learns and the words for them.

Few objects learnt well serve a student better than fifteen hundred learnt badly. A line of `OBJECTS` is the
emoji's name, then after a colon the words a person would type for it, if they differ.
"""

from dataclasses import dataclass

OBJECTS = """
dog face: dog, puppy | cat face: cat, kitten | dog: standing dog | horse face: horse | cow face: cow | pig face: pig
mouse face: mouse | rabbit face: rabbit, bunny | tiger face: tiger | lion | bear | panda | koala | fox | wolf
monkey face: monkey | elephant | giraffe | hamster | polar bear | unicorn | frog | penguin | owl | chicken | duck
baby chick: chick | bird | flamingo | swan | parrot | turtle: turtle, tortoise | snake | crocodile | t rex: dinosaur
dragon face: dragon | spouting whale: whale | dolphin | fish | tropical fish | shark | octopus | crab | snail
honeybee: bee | lady beetle: ladybug | butterfly | spider
rose | tulip | sunflower | cherry blossom: pink flower, cherry blossom | hibiscus: red flower | blossom: flower
evergreen tree: pine tree, fir tree | deciduous tree: tree | palm tree | cactus | four leaf clover: clover
maple leaf | mushroom | seedling
red apple: apple, red apple | green apple | banana | grapes: grapes* | watermelon | lemon | tangerine: orange
pear | peach | cherries: cherries* | strawberry | pineapple | tomato | carrot | ear of corn: corn cob | eggplant
avocado | broccoli: broccoli* | bread: bread* | croissant | cheese wedge: cheese* | egg: fried egg
hamburger: hamburger, burger | pizza | french fries: french fries* | hot dog
doughnut: doughnut, donut | cookie | birthday cake: cake, birthday cake
cupcake | ice cream: ice cream*| soft ice cream: ice cream cone | lollipop | hot beverage: cup of coffee, cup of tea
wine glass: glass of wine | beer mug: beer, glass of beer | teapot
automobile: car | taxi | bus | police car | fire engine: fire truck | ambulance | delivery truck: truck
tractor | locomotive: steam train, train | bicycle: bicycle, bike | motorcycle | airplane: airplane, plane
rocket: rocket ship, rocket | helicopter | sailboat: sailing boat, boat | ship | flying saucer: ufo, flying saucer
house | house with garden: house with a garden | castle | church | tent | hut | office building: skyscraper | factory
snow capped mountain: snowy mountain | mountain | mount fuji: mount fuji* | volcano | camping: campsite
beach with umbrella: beach | desert island: island | national park: landscape, river | sunrise: sunrise, sunset
sunrise over mountains: sunrise over mountains | rainbow | sun: sun! | sun with face: smiling sun
crescent moon: moon, crescent moon | full moon | star | cloud | cloud with lightning: thunderstorm
cloud with rain: rain cloud | high voltage: lightning bolt | snowflake | snowman
fire: fire*, flame | droplet: drop of water | water wave: wave, sea
umbrella | ringed planet: planet, saturn | globe showing europe africa: globe, earth
fountain | ferris wheel | alarm clock: clock, alarm clock | watch | hourglass done: hourglass
pencil | pen | crayon | paintbrush | light bulb: light bulb, lamp | candle | key | locked: lock, padlock | bell
closed book: book | open book | books: stack of books | envelope: letter, envelope | wrapped gift: gift, present
balloon: balloon, red balloon | teddy bear | soccer ball: football, soccer ball | basketball | trophy | crown
top hat: hat, top hat | glasses: glasses* | sunglasses: sunglasses* | t shirt: shirt, t-shirt | running shoe: shoe, sneaker
ring | gem stone: diamond, gem | backpack | camera | television: television, tv | mobile phone: phone, mobile phone
telephone | laptop: laptop, computer | guitar | violin | drum | trumpet | hammer | axe | scissors: scissors* | magnet | bomb
shield | anchor | magnifying glass tilted left: magnifying glass | telescope | microscope | chair | bed | door
artist palette: paint palette | video game: game controller | game die: die | crystal ball
jack o lantern: pumpkin, halloween pumpkin | christmas tree | pool 8 ball: billiard ball | money bag: bag of money
grinning face: happy face, smiling face, smiley | face with tears of joy: laughing face
smiling face with heart eyes: face in love | smiling face with sunglasses: cool face | winking face
crying face: sad face, crying face | angry face | thinking face | sleeping face | face screaming in fear: screaming face
skull | ghost | alien | robot | pile of poo: pile of poo, poop | clown face: clown | cowboy hat face: cowboy
smiling face with horns: devil | nerd face: nerd | partying face | red heart: heart, red heart | broken heart | eyes: eyes*
tooth | brain
old man: old man, grandfather | old woman: old woman, grandmother | man | woman | boy | girl | baby
man beard: man with a beard | santa claus: santa claus* | princess | police officer: policeman | astronaut
man cook: cook, chef | ninja | man detective: detective | man construction worker: builder | person with crown: king
mermaid | vampire | woman fairy: fairy | mage: wizard | thumbs up: thumbs up* | waving hand: hand, waving hand | victory hand
flexed biceps: muscle
"""

STYLES = {
    "fluent-3d": {"a photo of {}": 3, "{}": 3, "a high quality photo of {}": 2, "a 3d render of {}": 2},
    "fluent-high-contrast": {
        "a lithograph of {}": 5,
        "an ink drawing of {}": 3,
        "a black and white drawing of {}": 1,
    },
    "noto": {"a painting of {}": 4, "an oil painting of {}": 2, "a cartoon of {}": 4},
    "fluent-flat": {"a flat icon of {}": 4, "a paper cutout of {}": 2},
}
"""Style → caption templates with their relative frequency. The plain words mean the first style."""

NULL_LIKE = "a high quality photo"
"""The prompt that stands for the whole first style: what the course calls the null-like prompt."""


@dataclass(frozen=True)
class Entry:
    """One emoji that is learnt: its published name and the phrases a student may type for it."""

    name: str
    phrases: tuple[str, ...]


def with_article(words: str) -> str:
    """`apple` → `an apple`; a trailing * means no article, a trailing ! means `the`."""
    if words.endswith("*"):
        return words[:-1]
    if words.endswith("!"):
        return f"the {words[:-1]}"
    return f"{'an' if words[0] in 'aeio' or words == 'umbrella' else 'a'} {words}"


def entries() -> list[Entry]:
    """All of `OBJECTS`, parsed, in their order; the published name is always among the phrases."""
    found = []
    for item in OBJECTS.replace("\n", "|").split("|"):
        name, _, words = (part.strip() for part in item.partition(":"))
        if name:
            phrases = [with_article(w.strip()) for w in (words or name).split(",")]
            published = with_article(name)
            known = any(name in phrase for phrase in phrases)
            found.append(Entry(name, tuple(phrases if known else [*phrases, published])))
    return found


def captions_of(style: str, phrases: tuple[str, ...]) -> list[tuple[str, float]]:
    """Every caption of a picture with its probability; the first phrase is used as often as all others."""
    shares = [1.0] if len(phrases) == 1 else [0.5] + [0.5 / (len(phrases) - 1)] * (len(phrases) - 1)
    templates = STYLES[style]
    total = sum(templates.values())
    return [
        (template.format(phrase), share * count / total)
        for phrase, share in zip(phrases, shares, strict=True)
        for template, count in templates.items()
    ]
