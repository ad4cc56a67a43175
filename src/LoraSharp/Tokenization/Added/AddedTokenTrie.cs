using System.Buffers;

namespace LoraSharp.Tokenization;

/// <summary>Finds the leftmost of many strings in a text, the longest of those that begin there.</summary>
internal sealed class AddedTokenTrie
{
    private readonly Dictionary<(int Node, char Next), int> _children = [];
    private readonly List<int> _values = [-1];
    private readonly SearchValues<char> _firstChars;

    /// <param name="tokens">Strings (not empty) and what they stand for (not negative); of equal strings the last one counts.</param>
    public AddedTokenTrie(IEnumerable<(string Text, int Value)> tokens)
    {
        var first = new HashSet<char>();
        foreach ((string text, int value) in tokens)
        {
            first.Add(text[0]);
            int node = 0;
            foreach (char c in text)
            {
                if (!_children.TryGetValue((node, c), out int child))
                {
                    child = _values.Count;
                    _values.Add(-1);
                    _children[(node, c)] = child;
                }

                node = child;
            }

            _values[node] = value;
        }

        _firstChars = SearchValues.Create([.. first]);
    }

    /// <summary>The next match from <paramref name="index"/> on; its length is 0 if there is none.</summary>
    public (int Start, int Length, int Value) Find(ReadOnlySpan<char> text, int index)
    {
        while (index < text.Length)
        {
            int skip = text[index..].IndexOfAny(_firstChars);
            if (skip < 0)
            {
                break;
            }

            index += skip;
            (int length, int value) = LongestAt(text[index..]);
            if (length > 0)
            {
                return (index, length, value);
            }

            index++;
        }

        return (text.Length, 0, -1);
    }

    private (int Length, int Value) LongestAt(ReadOnlySpan<char> text)
    {
        int node = 0;
        (int Length, int Value) best = (0, -1);
        for (int i = 0; i < text.Length && _children.TryGetValue((node, text[i]), out int child); i++)
        {
            node = child;
            if (_values[node] >= 0)
            {
                best = (i + 1, _values[node]);
            }
        }

        return best;
    }
}
