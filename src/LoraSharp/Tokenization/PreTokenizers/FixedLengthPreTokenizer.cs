namespace LoraSharp.Tokenization;

/// <summary>Cuts every so many code points.</summary>
internal sealed class FixedLengthPreTokenizer(int length) : PreTokenizer
{
    protected override void Split(Piece piece, PieceList output)
    {
        ReadOnlySpan<char> text = piece.Span;
        int start = 0;
        int count = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (char.IsLowSurrogate(text[i]))
            {
                continue;
            }

            if (count++ == length)
            {
                output.Add(piece, start, i);
                (start, count) = (i, 1);
            }
        }

        output.Add(piece, start, text.Length);
    }
}
