namespace LoraSharp.Tokenization;

/// <summary>SentencePiece's: spaces become a visible mark, one mark is put in front, and pieces begin at marks.</summary>
internal sealed class MetaspacePreTokenizer(string replacement, PrependScheme scheme, bool split) : PreTokenizer
{
    private readonly SplitPreTokenizer _split = new(new LiteralPattern(replacement), SplitBehavior.MergedWithNext);

    public override bool NeedsOrigins => scheme == PrependScheme.First;

    public override void Apply(PieceList pieces)
    {
        base.Apply(pieces);
        if (split)
        {
            _split.Apply(pieces);
        }
    }

    protected override void Split(Piece piece, PieceList output)
    {
        NormalizedText text = ByteLevelPreTokenizer.Changed(piece);
        ReplaceNormalizer.ReplaceSpaces(text, replacement);
        if (scheme != PrependScheme.Never && !text.Span.StartsWith(replacement) && (scheme == PrependScheme.Always || text.OriginStart == 0))
        {
            PrependNormalizer.Prepend(text, replacement);
        }

        output.Add(new Piece(text, 0, text.Length, -1));
    }
}
