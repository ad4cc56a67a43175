namespace LoraSharp.Tokenization;

/// <summary>
/// GPT-2's: splits by its pattern, then writes each piece's UTF-8 bytes in the byte alphabet. The writing is left out
/// (<paramref name="mapBytes"/> false) where the model behind takes the bytes itself.
/// </summary>
internal sealed class ByteLevelPreTokenizer(bool addPrefixSpace, bool useRegex, bool mapBytes) : PreTokenizer
{
    private static readonly SplitPreTokenizer s_split = new(new Gpt2Pattern(), SplitBehavior.Isolated);

    public override void Apply(PieceList pieces)
    {
        if (addPrefixSpace)
        {
            base.Apply(pieces);
        }

        if (useRegex)
        {
            s_split.Apply(pieces);
        }

        if (mapBytes)
        {
            MapBytes(pieces);
        }
    }

    protected override void Split(Piece piece, PieceList output)
    {
        if (piece.Span[0] == ' ')
        {
            output.Add(piece);
            return;
        }

        NormalizedText text = Changed(piece);
        PrependNormalizer.Prepend(text, " ");
        output.Add(new Piece(text, 0, text.Length, -1));
    }

    private static void MapBytes(PieceList pieces)
    {
        foreach (Piece piece in pieces.TakeAll())
        {
            if (piece.AddedId >= 0)
            {
                pieces.Add(piece);
                continue;
            }

            NormalizedText text = Changed(piece);
            ByteLevelNormalizer.Map(text);
            pieces.Add(new Piece(text, 0, text.Length, -1));
        }
    }

    /// <summary>The piece as a text that may be changed.</summary>
    internal static NormalizedText Changed(Piece piece) => piece.Text.Slice(piece.Start, piece.Length);
}
