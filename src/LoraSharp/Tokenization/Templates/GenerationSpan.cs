namespace LoraSharp.Tokenization.Templates;

/// <summary>Where a <c>{% generation %}</c> block stands in a rendered text: [start, end), counted in Unicode code points.</summary>
/// <param name="Start">Index of the first code point.</param>
/// <param name="End">Index after the last code point.</param>
public readonly record struct GenerationSpan(int Start, int End);
