using System.Buffers;
using System.Text;
using System.Text.Json;

namespace LoraSharp.Tokenization;

/// <summary>Byte-pair encoding (Sennrich et al., 2016, arXiv:1508.07909) with the variants of Hugging Face's tokenizers.</summary>
internal sealed partial class BpeModel : TokenModel
{
    private readonly Vocabulary _vocabulary;
    private readonly IReadOnlyList<(string Left, string Right)> _mergeList;
    private readonly PairTable _merges;
    private readonly BpeOptions _options;
    private readonly int[] _single = new int[0x10000];
    private readonly int[] _fallback = new int[256];
    private readonly int _unkId;
    private readonly bool _splitsAtMarks;

    /// <exception cref="MergeException">A merge has a part, or a result, that is not in the vocabulary.</exception>
    public BpeModel(Vocabulary vocabulary, IReadOnlyList<(string Left, string Right)> merges, BpeOptions options)
    {
        _vocabulary = vocabulary;
        _mergeList = merges;
        _options = options;
        _merges = MakeTable(vocabulary, merges, options.ContinuingSubwordPrefix?.Length ?? 0);
        _unkId = options.UnkToken is null ? -1 : vocabulary.Find(options.UnkToken);
        Array.Fill(_single, -1);
        foreach ((string token, int id) in vocabulary.Ids)
        {
            if (token.Length == 1)
            {
                _single[token[0]] = id;
            }
        }

        for (int b = 0; b < 256; b++)
        {
            _fallback[b] = options.ByteFallback ? vocabulary.Find($"<0x{b:X2}>") : -1;
        }

        _splitsAtMarks = !options.IgnoreMerges && !options.ByteLevel && options.ContinuingSubwordPrefix is null && options.EndOfWordSuffix is null
            && _single[Mark] >= 0 && !merges.Any(merge => merge.Right[0] == Mark && merge.Left[^1] != Mark);
    }

    public override int VocabSize => _vocabulary.Count;

    public override bool CountsBytes => true;

    public override int IdOf(ReadOnlySpan<char> token) => _vocabulary.Find(token);

    public override string? TokenOf(int id) => _vocabulary.TokenOf(id);

    public Vocabulary Vocabulary => _vocabulary;

    public IReadOnlyList<(string Left, string Right)> Merges => _mergeList;

    protected override void TokenizeNew(ReadOnlySpan<char> word, TokenSink sink)
    {
        if (_options.IgnoreMerges && WholeWord(word) is >= 0 and int whole)
        {
            sink.Add(whole, 0, Encoding.UTF8.GetByteCount(word));
            return;
        }

        // A code point has at most four bytes, and each of them may become a symbol.
        int capacity = checked(word.Length * 3);
        int[] ids = ArrayPool<int>.Shared.Rent(capacity);
        int[] widths = ArrayPool<int>.Shared.Rent(capacity);
        try
        {
            int count = _options.ByteLevel ? ByteSymbols(word, ids, widths) : Symbols(word, ids, widths);
            count = BpeMerger.Merge(ids.AsSpan(0, count), widths.AsSpan(0, count), _merges);
            int start = 0;
            for (int i = 0; i < count; i++)
            {
                sink.Add(ids[i], start, start + widths[i]);
                start += widths[i];
            }
        }
        finally
        {
            ArrayPool<int>.Shared.Return(ids);
            ArrayPool<int>.Shared.Return(widths);
        }
    }

    private int WholeWord(ReadOnlySpan<char> word)
    {
        if (word.Length > _vocabulary.MaxTokenLength)
        {
            return -1;
        }

        return _vocabulary.Find(_options.ByteLevel ? ByteAlphabet.Map(word) : word);
    }

    public override void Write(Utf8JsonWriter writer)
    {
        writer.WriteString("type", "BPE");
        writer.WriteNull("dropout");
        writer.WriteString("unk_token", _options.UnkToken);
        writer.WriteString("continuing_subword_prefix", _options.ContinuingSubwordPrefix);
        writer.WriteString("end_of_word_suffix", _options.EndOfWordSuffix);
        writer.WriteBoolean("fuse_unk", _options.FuseUnk);
        writer.WriteBoolean("byte_fallback", _options.ByteFallback);
        writer.WriteBoolean("ignore_merges", _options.IgnoreMerges);
        writer.WriteStartObject("vocab");
        foreach ((string token, int id) in _vocabulary.InOrder())
        {
            writer.WriteNumber(token, id);
        }

        writer.WriteEndObject();
        writer.WriteStartArray("merges");
        foreach ((string left, string right) in _mergeList)
        {
            writer.WriteStartArray();
            writer.WriteStringValue(left);
            writer.WriteStringValue(right);
            writer.WriteEndArray();
        }

        writer.WriteEndArray();
    }

    private static PairTable MakeTable(Vocabulary vocabulary, IReadOnlyList<(string Left, string Right)> merges, int prefixLength)
    {
        var table = new PairTable(merges.Count);
        char[] buffer = new char[64];
        for (int rank = 0; rank < merges.Count; rank++)
        {
            (string left, string right) = merges[rank];
            int leftId = vocabulary.Find(left);
            int rightId = vocabulary.Find(right);
            if (leftId < 0 || rightId < 0)
            {
                throw new MergeException(
                    rank, $"the merge '{left}' + '{right}' needs '{(leftId < 0 ? left : right)}', which is not in the vocabulary");
            }

            if (right.Length < prefixLength || left.Length == 0 || right.Length == 0)
            {
                throw new MergeException(rank, $"the merge '{left}' + '{right}' has a part that is too short");
            }

            int length = left.Length + right.Length - prefixLength;
            if (length > buffer.Length)
            {
                buffer = new char[length * 2];
            }

            left.CopyTo(buffer);
            right.AsSpan(prefixLength).CopyTo(buffer.AsSpan(left.Length));
            int id = vocabulary.Find(buffer.AsSpan(0, length));
            if (id < 0)
            {
                throw new MergeException(
                    rank, $"the merge '{left}' + '{right}' makes '{new string(buffer, 0, length)}', which is not in the vocabulary");
            }

            table.Set(leftId, rightId, rank, id);
        }

        return table;
    }
}
