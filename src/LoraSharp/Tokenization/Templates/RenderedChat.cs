namespace LoraSharp.Tokenization.Templates;

/// <summary>A rendered conversation.</summary>
/// <param name="Text">The text.</param>
/// <param name="GenerationSpans">What the template marks as the assistant's own words, in order.</param>
public sealed record RenderedChat(string Text, IReadOnlyList<GenerationSpan> GenerationSpans);
