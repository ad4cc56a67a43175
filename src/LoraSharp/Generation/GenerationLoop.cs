using LoraSharp.Generation.Processors;
using LoraSharp.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Generation;

/// <summary>The decoding loop: one step at a time over a key/value cache, for a batch of prompts that are padded on the left.</summary>
internal sealed class GenerationLoop
{
    private const long ReservedTokens = 1024;
    private readonly CausalLM _model;
    private readonly GenerationOptions _options;
    private readonly HashSet<int> _ends;
    private readonly int _padId;

    public GenerationLoop(CausalLM model, GenerationOptions options, IReadOnlyList<int> ends, int padId)
    {
        options.Validate();
        _model = model;
        _options = options;
        _ends = [.. options.EosTokenIds ?? ends];
        _padId = padId;
    }

    /// <summary>
    /// Yields, step by step, the new id of each row; a row that has ended gets −1. Ends when every row has ended or the limit is reached.
    /// </summary>
    public IEnumerable<int[]> Run(IReadOnlyList<IReadOnlyList<int>> prompts, CancellationToken cancellationToken)
    {
        if (prompts.Count == 0 || prompts.Any(prompt => prompt.Count == 0))
        {
            throw new ArgumentException("Each prompt needs at least one token.", nameof(prompts));
        }

        int vocabulary = _model.Config.Integer("vocab_size");
        if (prompts.SelectMany(prompt => prompt).FirstOrDefault(id => id < 0 || id >= vocabulary) is not 0 and int foreign)
        {
            throw new ArgumentException($"A prompt holds the token id {foreign}, but the model knows the ids below {vocabulary}. Use the model's own tokenizer.", nameof(prompts));
        }

        int rows = prompts.Count, width = prompts.Max(prompt => prompt.Count);
        int[] padding = [.. prompts.Select(prompt => width - prompt.Count)];
        bool padded = padding.Any(p => p > 0);
        IReadOnlyList<LogitsProcessor> processors = LogitsProcessor.For(_options, padding);
        using Generator? generator = _options.Seed is { } seed ? new Generator((ulong)seed) : null;

        // A limit that is only there to be safe must not claim memory; beyond this the cache grows as it is filled.
        using KvCache cache = _model.NewCache((int)Math.Min((long)width + _options.MaxNewTokens, width + ReservedTokens));
        var all = new List<int>[rows];
        for (int row = 0; row < rows; row++)
        {
            all[row] = [.. Enumerable.Repeat(_padId, padding[row]), .. prompts[row]];
        }

        bool[] ended = new bool[rows];
        for (int step = 0; step < _options.MaxNewTokens && !Array.TrueForAll(ended, e => e); step++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int[] next = Next(all, padding, padded, step, processors, generator, cache);
            int[] shown = new int[rows];
            for (int row = 0; row < rows; row++)
            {
                shown[row] = ended[row] ? -1 : next[row];
                all[row].Add(ended[row] ? _padId : next[row]);
                ended[row] |= _ends.Contains(next[row]);
            }

            yield return shown;
        }
    }

    public bool IsEnd(int id) => _ends.Contains(id);

    private int[] Next(List<int>[] all, int[] padding, bool padded, int step, IReadOnlyList<LogitsProcessor> processors, Generator? generator, KvCache cache)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        int rows = all.Length, length = all[0].Count, from = step == 0 ? 0 : length - 1;
        Tensor ids = tensor(all.SelectMany(row => row.Skip(from).Select(id => (long)id)).ToArray(), [rows, length - from]);

        // Without padding neither mask nor positions are needed, and attention runs its fastest path.
        Tensor? mask = null, positions = null;
        if (padded)
        {
            mask = tensor(padding.SelectMany(p => Enumerable.Range(0, length).Select(i => i < p ? 0L : 1L)).ToArray(), [rows, length]);
            positions = tensor(padding.SelectMany(p => Enumerable.Range(from, length - from).Select(i => Math.Max(0L, i - p))).ToArray(), [rows, length - from]);
        }

        Tensor scores = _model.Logits(ids, mask, positions, cache, lastOnly: true).squeeze(1).to(ScalarType.Float32);
        if (processors.Count > 0)
        {
            Tensor history = tensor(all.SelectMany(row => row.Select(id => (long)id)).ToArray(), [rows, length]);
            foreach (LogitsProcessor processor in processors)
            {
                scores = processor.Process(history, scores);
            }
        }

        Tensor chosen = _options.DoSample
            ? multinomial(nn.functional.softmax(scores, -1), 1, replacement: false, generator: generator).squeeze(1)
            : scores.argmax(-1);
        return [.. chosen.data<long>().ToArray().Select(id => checked((int)id))];
    }
}
