using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace LoraSharp.Tokenization;

/// <summary>A file of tiktoken ranks: on each line the base64 of a token's bytes, a space, and its rank, which is its id.</summary>
internal sealed class TiktokenFile
{
    private const int MaxTokenLength = 4096;
    private readonly string _file;
    private readonly Dictionary<string, int> _ranks = [];

    private TiktokenFile(string file) => _file = file;

    /// <summary>True if the data begins like such a file.</summary>
    public static bool IsRanks(ReadOnlySpan<byte> data)
    {
        int lineEnd = data.IndexOf((byte)'\n');
        ReadOnlySpan<byte> line = lineEnd < 0 ? data : data[..lineEnd];
        int space = line.IndexOf((byte)' ');
        return space > 0 && Base64.IsValid(line[..space]) && Utf8Parser.TryParse(line[(space + 1)..], out int _, out int used)
            && line[(space + 1 + used)..].TrimEnd((byte)'\r').IsEmpty;
    }

    public static TiktokenFile Read(string path, ReadOnlySpan<byte> data)
    {
        var result = new TiktokenFile(path);
        for (int number = 1; data.Length > 0; number++)
        {
            int lineEnd = data.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = (lineEnd < 0 ? data : data[..lineEnd]).TrimEnd((byte)'\r');
            data = lineEnd < 0 ? default : data[(lineEnd + 1)..];
            if (!line.IsEmpty)
            {
                result.AddLine(line, number);
            }
        }

        return result;
    }

    /// <summary>A byte-level BPE with the ranks as ids and the given split pattern (default: Llama 3's).</summary>
    public TokenizerPipeline ToPipeline(string pattern = Llama3Pattern.Llama3Source)
    {
        Vocabulary vocabulary;
        try
        {
            vocabulary = new Vocabulary(_ranks);
        }
        catch (ArgumentException e)
        {
            throw new TokenizerFormatException(_file, "ranks", e.Message, "Give each token a rank of its own", e);
        }

        var pre = PipelineJson.Sequence(
            "pretokenizers", [PipelineJson.SplitAt(pattern), PipelineJson.ByteLevel(addPrefixSpace: false, trimOffsets: true, useRegex: false)]);
        return TokenizerPipeline.Build(
            new BpeModel(vocabulary, Merges(vocabulary), new BpeOptions { ByteLevel = true, IgnoreMerges = true }),
            new PipelineComponents(
                null,
                PipelineJson.Text(pre),
                PipelineJson.Text(PipelineJson.ByteLevel(addPrefixSpace: true, trimOffsets: false, useRegex: true)),
                PipelineJson.Text(PipelineJson.ByteLevel(addPrefixSpace: true, trimOffsets: true, useRegex: true))),
            _file,
            modelTakesBytes: true);
    }

    /// <summary>
    /// tiktoken joins the pair whose result has the lowest rank: each way to split a token is a merge, in the order of the tokens' ranks.
    /// </summary>
    private static List<(string Left, string Right)> Merges(Vocabulary vocabulary)
    {
        var merges = new List<(string, string)>();
        var local = new List<(int Left, int Right, int At)>();
        foreach ((string token, _) in vocabulary.InOrder())
        {
            local.Clear();
            for (int at = 1; at < token.Length; at++)
            {
                int left = vocabulary.Find(token.AsSpan(0, at));
                int right = left < 0 ? -1 : vocabulary.Find(token.AsSpan(at));
                if (right >= 0)
                {
                    local.Add((left, right, at));
                }
            }

            local.Sort();
            foreach ((_, _, int at) in local)
            {
                merges.Add((token[..at], token[at..]));
            }
        }

        return merges;
    }

    private void AddLine(ReadOnlySpan<byte> line, int number)
    {
        int space = line.IndexOf((byte)' ');
        if (space <= 0 || !Utf8Parser.TryParse(line[(space + 1)..], out int rank, out int used) || used != line.Length - space - 1 || rank < 0)
        {
            throw Fail(number, $"'{Encoding.UTF8.GetString(line[..Math.Min(line.Length, 60)])}' is not a base64 token, a space and a rank");
        }

        byte[] bytes;
        try
        {
            bytes = Convert.FromBase64String(Encoding.ASCII.GetString(line[..space]));
        }
        catch (FormatException e)
        {
            throw Fail(number, e.Message, e);
        }

        if (bytes.Length is 0 or > MaxTokenLength)
        {
            throw Fail(number, $"the token has {bytes.Length} bytes (1 to {MaxTokenLength} are possible)");
        }

        string token = string.Create(bytes.Length, bytes, static (target, source) =>
        {
            for (int i = 0; i < source.Length; i++)
            {
                target[i] = ByteAlphabet.Chars[source[i]];
            }
        });
        if (!_ranks.TryAdd(token, rank))
        {
            throw Fail(number, "the token stands twice");
        }
    }

    private TokenizerFormatException Fail(int line, string problem, Exception? inner = null) =>
        new(_file, string.Create(CultureInfo.InvariantCulture, $"line {line}"), problem, "Take the file from its source again", inner);
}
