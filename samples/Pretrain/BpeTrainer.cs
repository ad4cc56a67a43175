using System.Text;
using System.Text.RegularExpressions;

namespace LoraSharp.Samples.Pretrain;

/// <summary>What training a byte-level BPE tokenizer yields: tokens by id, and the merges in the order in which they apply.</summary>
internal sealed record BpeVocabulary(
    IReadOnlyList<string> SpecialTokens,
    IReadOnlyList<string> Tokens,
    IReadOnlyList<(string Left, string Right)> Merges);

/// <summary>
/// Trains byte-level byte pair encoding (Sennrich et al. 2016; GPT-2's bytes and split pattern): starting from single bytes,
/// the most frequent pair of neighbours becomes a token, again and again, until the vocabulary is full.
/// </summary>
internal static partial class BpeTrainer
{
    /// <summary>Ids: special tokens first, then the 256 bytes, then one token per merge. Ties go to the pair with the lower ids.</summary>
    public static BpeVocabulary Train(IEnumerable<string> texts, int vocabularySize, IReadOnlyList<string> specialTokens)
    {
        var byteLetters = ByteLetters();
        var tokens = new List<string>(specialTokens);
        tokens.AddRange(byteLetters.Order().Select(letter => letter.ToString()));
        if (vocabularySize < tokens.Count)
            throw new ArgumentOutOfRangeException(nameof(vocabularySize), vocabularySize,
                $"The special tokens and the 256 bytes alone need {tokens.Count} tokens.");

        var idByToken = tokens.Select((token, id) => (token, id)).ToDictionary(pair => pair.token, pair => pair.id);
        var words = CountWords(texts, specialTokens)
            .Select(word => (Symbols: Encoding.UTF8.GetBytes(word.Key).Select(b => idByToken[byteLetters[b].ToString()]).ToList(), Count: word.Value))
            .ToList();

        var merges = new List<(string, string)>();
        while (tokens.Count < vocabularySize && MostFrequentPair(words) is { } pair)
        {
            string token = tokens[pair.Left] + tokens[pair.Right];
            merges.Add((tokens[pair.Left], tokens[pair.Right]));
            // Two different pairs can spell the same token.
            if (!idByToken.TryGetValue(token, out int id))
            {
                id = tokens.Count;
                tokens.Add(token);
                idByToken.Add(token, id);
            }

            foreach (var (symbols, _) in words)
                Merge(symbols, pair, id);
        }

        return new BpeVocabulary(specialTokens, tokens, merges);
    }

    private static Dictionary<string, int> CountWords(IEnumerable<string> texts, IReadOnlyList<string> specialTokens)
    {
        var special = new Regex($"({string.Join('|', specialTokens.Select(Regex.Escape))})");
        var counts = new Dictionary<string, int>();
        foreach (string text in texts)
            foreach (string piece in special.Split(text).Where(piece => !specialTokens.Contains(piece)))
                // Digits stand alone, before the pattern sees what lies between them.
                foreach (string part in Digit().Split(piece))
                    foreach (Match word in Word().Matches(part))
                        counts[word.Value] = counts.GetValueOrDefault(word.Value) + 1;
        return counts;
    }

    private static (int Left, int Right)? MostFrequentPair(List<(List<int> Symbols, int Count)> words)
    {
        var counts = new Dictionary<(int Left, int Right), int>();
        foreach (var (symbols, count) in words)
            for (int i = 1; i < symbols.Count; i++)
                counts[(symbols[i - 1], symbols[i])] = counts.GetValueOrDefault((symbols[i - 1], symbols[i])) + count;
        // A pair seen once teaches nothing.
        var best = counts.Where(pair => pair.Value > 1)
            .OrderByDescending(pair => pair.Value).ThenBy(pair => pair.Key.Left).ThenBy(pair => pair.Key.Right)
            .FirstOrDefault();
        return best.Value > 1 ? best.Key : null;
    }

    private static void Merge(List<int> symbols, (int Left, int Right) pair, int id)
    {
        for (int i = 0; i + 1 < symbols.Count; i++)
        {
            if (symbols[i] != pair.Left || symbols[i + 1] != pair.Right)
                continue;
            symbols[i] = id;
            symbols.RemoveAt(i + 1);
        }
    }

    /// <summary>GPT-2's printable letter for each byte: itself where it is printable, else the next letter from U+0100 on.</summary>
    private static char[] ByteLetters()
    {
        var letters = new char[256];
        int next = 0x100;
        for (int b = 0; b < 256; b++)
            letters[b] = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF) ? (char)b : (char)next++;
        return letters;
    }

    [GeneratedRegex(@"(\p{N})")]
    private static partial Regex Digit();

    [GeneratedRegex(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")]
    private static partial Regex Word();
}
