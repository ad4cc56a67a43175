using System.Collections.Concurrent;
using System.Text;

namespace LoraSharp.Tokenization;

/// <summary>
/// The Unicode normalization forms. .NET gives the decomposition of each character and the composition of each pair; the order and the blocking
/// rules are worked out here, because the origin of every character must be known.
/// </summary>
internal sealed class UnicodeNormalizer(NormalizationForm form) : Normalizer
{
    private static readonly ConcurrentDictionary<int, int[]> s_canonical = new();
    private static readonly ConcurrentDictionary<int, int[]> s_compatible = new();
    private static readonly ConcurrentDictionary<(int, int), int> s_compositions = new();

    private readonly bool _compatible = form is NormalizationForm.FormKC or NormalizationForm.FormKD;
    private readonly bool _compose = form is NormalizationForm.FormC or NormalizationForm.FormKC;

    public override void Apply(NormalizedText text)
    {
        ReadOnlySpan<char> chars = text.Span;
        // .NET refuses the noncharacter U+FFFE.
        if (Ascii.IsValid(chars) || (!chars.Contains('\uFFFE') && chars.IsNormalized(form)))
        {
            return;
        }

        List<(int CodePoint, int Change)> decomposed = Decompose(chars);
        (_compose ? Compose(decomposed) : ToEdits(decomposed)).Apply(text);
    }

    private List<(int CodePoint, int Change)> Decompose(ReadOnlySpan<char> text)
    {
        var result = new List<(int, int)>(text.Length);
        var pending = new List<(byte Class, int CodePoint, int Change)>();
        foreach (Rune rune in text.EnumerateRunes())
        {
            int change = 0;
            foreach (int codePoint in Decomposition(rune))
            {
                byte combining = CombiningClass.Of(codePoint);
                if (combining == 0)
                {
                    Flush(pending, result);
                    result.Add((codePoint, change));
                }
                else
                {
                    pending.Add((combining, codePoint, change));
                }

                change = 1;
            }
        }

        Flush(pending, result);
        return result;
    }

    /// <summary>Marks go into the order of their classes, those of one class keep theirs. Changes move along: that is the reference's way.</summary>
    private static void Flush(List<(byte Class, int CodePoint, int Change)> pending, List<(int, int)> result)
    {
        if (pending.Count > 0)
        {
            result.AddRange(pending.OrderBy(mark => mark.Class).Select(mark => (mark.CodePoint, mark.Change)));
            pending.Clear();
        }
    }

    private static TextEdits ToEdits(List<(int CodePoint, int Change)> characters)
    {
        var edits = new TextEdits();
        foreach ((int codePoint, int change) in characters)
        {
            edits.Add(codePoint, change);
        }

        return edits;
    }

    /// <summary>Unicode's composition: a mark joins the last starter unless a mark of the same or a higher class stands between.</summary>
    private static TextEdits Compose(List<(int CodePoint, int Change)> characters)
    {
        var edits = new TextEdits();
        var marks = new List<(int CodePoint, int Change)>();
        (int CodePoint, int Change)? starter = null;
        int lastClass = -1;
        foreach ((int codePoint, int change) in characters)
        {
            byte combining = CombiningClass.Of(codePoint);
            if (starter is not { } first)
            {
                if (combining == 0)
                {
                    starter = (codePoint, change);
                }
                else
                {
                    edits.Add(codePoint, change);
                }

                continue;
            }

            if (lastClass < combining && Composition(first.CodePoint, codePoint) is > 0 and int composed)
            {
                starter = (composed, first.Change + change - 1);
            }
            else if (combining == 0)
            {
                Emit(first);
                starter = (codePoint, change);
                lastClass = -1;
            }
            else
            {
                marks.Add((codePoint, change));
                lastClass = combining;
            }
        }

        if (starter is { } last)
        {
            Emit(last);
        }

        return edits;

        void Emit((int CodePoint, int Change) character)
        {
            edits.Add(character.CodePoint, character.Change);
            foreach ((int codePoint, int change) in marks)
            {
                edits.Add(codePoint, change);
            }

            marks.Clear();
        }
    }

    private int[] Decomposition(Rune rune)
    {
        if (rune.IsAscii || rune.Value == 0xFFFE)
        {
            return [rune.Value];
        }

        return _compatible
            ? s_compatible.GetOrAdd(rune.Value, static c => Runes(new Rune(c).ToString().Normalize(NormalizationForm.FormKD)))
            : s_canonical.GetOrAdd(rune.Value, static c => Runes(new Rune(c).ToString().Normalize(NormalizationForm.FormD)));
    }

    private static int Composition(int first, int second)
    {
        // No composition has a second part below U+0300.
        if (second < 0x300 || first == 0xFFFE || second == 0xFFFE)
        {
            return 0;
        }

        return s_compositions.GetOrAdd((first, second), static pair =>
        {
            int[] composed = Runes((new Rune(pair.Item1).ToString() + new Rune(pair.Item2).ToString()).Normalize(NormalizationForm.FormC));
            return composed.Length == 1 ? composed[0] : 0;
        });
    }

    private static int[] Runes(string text) => [.. text.EnumerateRunes().Select(rune => rune.Value)];
}
