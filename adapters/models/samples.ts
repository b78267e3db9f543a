/** Texts of many lengths and kinds, on which two forms of an encoder are compared before one is accepted. */
export const samples: readonly string[] = [
  'rain',
  'Who wrote the opera about the barber of Seville?',
  'The capital of Mongolia is Ulaanbaatar.',
  'Copper conducts heat and electricity well, and turns green where it meets damp air for years.',
  'how long does it take light from the sun to reach the earth',
  'Beekeeping A colony of honey bees holds one queen, some hundred drones and tens of thousands of workers. The workers ' +
    'change their task with age: they clean cells first, then feed larvae, build comb, guard the entrance, and only in ' +
    'their last weeks fly out for nectar and pollen.',
  'Panama Canal Ships are lifted 26 metres above the sea by locks at either end, cross an artificial lake, and are let ' +
    'down again. The first ship passed in August 1914; a third, wider lane of locks was opened in June 2016.',
  'Der Rhein entspringt in den Alpen und mündet nach etwa 1230 Kilometern in die Nordsee.',
  '1969-07-20, 20:17 UTC: 0.67416° N, 23.47314° E',
  'Sourdough Bread that rises through wild yeasts and lactic acid bacteria instead of added yeast. A part of the dough is ' +
    'kept and fed with flour and water, so that the culture can live for many years. The acids keep mould away, and give ' +
    'the crumb its taste. Rye needs this acid to bind water, which is why most rye breads are made in this way. Bakers ' +
    'judge the culture by its smell, by how fast it doubles, and by whether a spoonful of it floats in water. Warm ' +
    'cultures taste mild and milky, cool ones sharp. The oldest leavened bread that was found in Europe was baked near ' +
    'the lake of Biel in Switzerland more than five thousand years ago.',
  'What is the difference between a comet and an asteroid, and which of them has a tail?',
  'The violinist tuned her A string to 442 hertz, a little above the standard pitch.',
]
