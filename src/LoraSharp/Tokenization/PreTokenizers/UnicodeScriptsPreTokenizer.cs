namespace LoraSharp.Tokenization;

/// <summary>
/// Cuts where the script changes. Kana counts as Han; spaces and characters without a script belong to what they follow, and vanish at the
/// beginning.
/// </summary>
internal sealed class UnicodeScriptsPreTokenizer : PreTokenizer
{
    protected override void Split(Piece piece, PieceList output)
    {
        ReadOnlySpan<char> text = piece.Span;
        string? last = null;
        int start = -1;
        for (int i = 0; i < text.Length;)
        {
            string? script = Script(UnicodeText.CodePointAt(text, i, out int length));
            if (script is not null && script != last)
            {
                if (start >= 0)
                {
                    output.Add(piece, start, i);
                }

                start = i;
            }

            last = script ?? last;
            i += length;
        }

        if (start >= 0)
        {
            output.Add(piece, start, text.Length);
        }
    }

    private static string? Script(int codePoint) => codePoint switch
    {
        0x30FC => "Han",
        ' ' => null,
        _ => ScriptTable.Of(codePoint) switch
        {
            "Hiragana" or "Katakana" => "Han",
            string script => script,
            null => null,
        },
    };
}
