namespace LoraSharp.Tokenization;

/// <summary>One pre-tokenizer after another, each on the pieces of the one before.</summary>
internal sealed class SequencePreTokenizer(IReadOnlyList<PreTokenizer> parts) : PreTokenizer
{
    public override bool NeedsOrigins => parts.Any(part => part.NeedsOrigins);

    public override void Apply(PieceList pieces)
    {
        foreach (PreTokenizer part in parts)
        {
            part.Apply(pieces);
        }
    }

    protected override void Split(Piece piece, PieceList output) => throw new InvalidOperationException("A sequence has no split of its own.");
}
