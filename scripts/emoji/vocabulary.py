"""The objects that emoji64 learns and the words for them.

Few objects learnt well serve a student better than fifteen hundred learnt badly. An item of `OBJECTS` is the
emoji's name, then after a colon the words a person would type for it, if they differ. Names after a + are further
pictures of the same: they answer to the first of these words and to their own name, so that 'a dog' has many pictures.
"""

from dataclasses import dataclass

OBJECTS = """
dog face + dog + poodle + guide dog: dog, puppy | cat face + cat + black cat: cat, kitten
horse face + horse: horse
cow face + cow: cow | pig face + pig: pig | mouse face + mouse + rat: mouse
rabbit face + rabbit: rabbit, bunny | tiger face: tiger | lion | bear | panda | koala | fox | wolf
monkey face + monkey: monkey | elephant | giraffe | hamster | polar bear | unicorn | frog | penguin | owl
chicken + rooster | duck
baby chick: chick | bird + dove + eagle | flamingo | swan | parrot | turtle: turtle, tortoise | snake
crocodile | t rex: dinosaur
dragon face + dragon: dragon | spouting whale + whale: whale | dolphin | fish | tropical fish | shark | octopus
crab | snail
honeybee: bee | lady beetle: ladybug | butterfly | spider
rose | tulip | sunflower | cherry blossom: pink flower, cherry blossom | hibiscus: red flower
blossom: flower
evergreen tree: pine tree, fir tree | deciduous tree: tree | palm tree | cactus | four leaf clover: clover
maple leaf | mushroom | seedling
red apple: apple, red apple | green apple | banana | grapes: grapes* | watermelon | lemon | tangerine: orange
pear | peach | cherries: cherries* | strawberry | pineapple | tomato | carrot | ear of corn: corn cob | eggplant
avocado | broccoli: broccoli* | bread + baguette bread: bread* | croissant | cheese wedge: cheese*
egg: fried egg
hamburger: hamburger, burger | pizza | french fries: french fries* | hot dog
doughnut: doughnut, donut | cookie | birthday cake + shortcake: cake, birthday cake
cupcake | ice cream: ice cream* | soft ice cream: ice cream cone | lollipop
hot beverage + teacup without handle: cup of tea, cup of coffee
wine glass: glass of wine | beer mug + clinking beer mugs: beer, glass of beer | teapot
automobile + oncoming automobile + sport utility vehicle: car | taxi + oncoming taxi | bus + oncoming bus
police car + oncoming police car | fire engine: fire truck | ambulance
delivery truck + articulated lorry: truck
tractor | locomotive + train + high speed train: train, steam train | bicycle: bicycle, bike | motorcycle
airplane + small airplane + airplane departure: airplane, plane
rocket: rocket ship, rocket | helicopter | sailboat + motor boat + speedboat: boat, sailing boat
ship + passenger ship + ferry | flying saucer: ufo, flying saucer
house | house with garden: house with a garden | castle + japanese castle | church | tent | hut
office building: skyscraper | factory
snow capped mountain: snowy mountain | mountain | mount fuji: mount fuji* | volcano | camping: campsite
beach with umbrella: beach | desert island: island | national park: landscape, river
sunrise + sunset: sunrise, sunset
sunrise over mountains: sunrise over mountains | rainbow | sun: sun! | sun with face: smiling sun
crescent moon: moon, crescent moon | full moon + full moon face | star | cloud
cloud with lightning + cloud with lightning and rain: thunderstorm
cloud with rain: rain cloud | high voltage: lightning bolt | snowflake | snowman
fire: fire*, flame | droplet: drop of water | water wave: wave, sea
umbrella + umbrella with rain drops | ringed planet: planet, saturn
globe showing europe africa + globe showing americas + globe showing asia australia: globe, earth
fountain | ferris wheel | alarm clock + mantelpiece clock: clock, alarm clock | watch
hourglass done + hourglass not done: hourglass
pencil | pen + fountain pen | crayon | paintbrush | light bulb: light bulb, lamp | candle | key
locked + locked with key: lock, padlock | bell
closed book + green book + blue book + orange book: book | open book | books: stack of books
envelope + love letter: letter, envelope | wrapped gift: gift, present
balloon: balloon, red balloon | teddy bear | soccer ball: football, soccer ball | basketball | trophy | crown
top hat + woman s hat: hat, top hat | glasses: glasses* | sunglasses: sunglasses*
t shirt: shirt, t-shirt | running shoe + hiking boot + man s shoe: shoe, sneaker
ring | gem stone: diamond, gem | backpack | camera + camera with flash | television: television, tv
mobile phone: phone, mobile phone
telephone | laptop: laptop, computer | guitar | violin | drum + long drum | trumpet | hammer | axe
scissors: scissors* | magnet | bomb
shield | anchor | magnifying glass tilted left: magnifying glass | telescope | microscope | chair | bed | door
artist palette: paint palette | video game: game controller | game die: die | crystal ball
jack o lantern: pumpkin, halloween pumpkin | christmas tree | pool 8 ball: billiard ball
money bag: bag of money
grinning face + grinning face with big eyes + beaming face with smiling eyes + smiling face with smiling eyes:
happy face, smiling face, smiley | face with tears of joy + rolling on the floor laughing: laughing face
smiling face with heart eyes: face in love | smiling face with sunglasses: cool face | winking face
crying face + loudly crying face: sad face, crying face | angry face + pouting face | thinking face
sleeping face | face screaming in fear: screaming face
skull | ghost | alien | robot | pile of poo: pile of poo, poop | clown face: clown | cowboy hat face: cowboy
smiling face with horns: devil | nerd face: nerd | partying face
red heart + blue heart + green heart + yellow heart + purple heart: heart, red heart | broken heart
eyes: eyes*
tooth | brain
old man + man white hair: old man, grandfather | old woman + woman white hair: old woman, grandmother
man + man curly hair + man red hair | woman + woman curly hair + woman red hair | boy | girl | baby
man beard: man with a beard | santa claus: santa claus* | princess
police officer + man police officer + woman police officer: policeman, police officer
astronaut + man astronaut + woman astronaut
man cook + woman cook: cook, chef | ninja | man detective + woman detective: detective
man construction worker + woman construction worker: builder | person with crown: king
mermaid | vampire + woman vampire + man vampire | woman fairy + man fairy: fairy
mage + man mage + woman mage: wizard | thumbs up: thumbs up*
waving hand + raised hand + hand with fingers splayed: hand, waving hand | victory hand
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
    """One object that is learnt: its emoji's published name, the phrases a student may type, further pictures."""

    name: str
    phrases: tuple[str, ...]
    others: tuple[str, ...] = ()  # published names of emoji that show the same object

    def pictures(self) -> list[tuple[str, tuple[str, ...]]]:
        """(published name, phrases) of every picture, the object's own first."""
        further = [
            (name, tuple(dict.fromkeys([self.phrases[0], with_article(name)]))) for name in self.others
        ]
        return [(self.name, self.phrases), *further]


def with_article(words: str) -> str:
    """`apple` → `an apple`; a trailing * means no article, a trailing ! means `the`."""
    words = words.replace(" s ", "'s ")  # emojilib writes "man s shoe"
    if words.endswith("*"):
        return words[:-1]
    if words.endswith("!"):
        return f"the {words[:-1]}"
    return f"{'an' if words[0] in 'aeio' or words == 'umbrella' else 'a'} {words}"


def entries() -> list[Entry]:
    """All of `OBJECTS`, parsed, in their order; the published name is always among the phrases."""
    found = []
    for item in OBJECTS.replace(":\n", ": ").replace("\n", "|").split("|"):
        shown, _, words = (part.strip() for part in item.partition(":"))
        name, *others = (part.strip() for part in shown.split("+"))
        if name:
            phrases = [with_article(w.strip()) for w in (words or name).split(",")]
            published = with_article(name)
            known = any(name in phrase for phrase in phrases)
            found.append(Entry(name, tuple(phrases if known else [*phrases, published]), tuple(others)))
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
