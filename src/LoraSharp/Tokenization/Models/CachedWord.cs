namespace LoraSharp.Tokenization;

/// <summary>A word and its tokens.</summary>
internal sealed record CachedWord(string Word, int[] Ids, int[] Starts, int[] Ends, IReadOnlyDictionary<int, string>? Texts);
