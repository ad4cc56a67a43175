namespace LoraSharp.Tokenization;

/// <summary>A part of a text on its way to the model: a word, or an added token (then <paramref name="AddedId"/> is its id, else -1).</summary>
internal readonly record struct Piece(NormalizedText Text, int Start, int Length, int AddedId)
{
    public ReadOnlySpan<char> Span => Text.Span.Slice(Start, Length);
}
