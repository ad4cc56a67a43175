using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using LoraSharp.Generation;
using LoraSharp.Models;
using LoraSharp.Tokenization;

namespace LoraSharp;

/// <summary>Text generation with a causal language model.</summary>
public static class CausalLMGenerationExtensions
{
    /// <summary>Continues a prompt.</summary>
    /// <param name="model">The model.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="prompt">The text to continue; a chat is rendered with the tokenizer's template first.</param>
    /// <param name="options">Length and sampling; null: greedy, 20 tokens.</param>
    /// <param name="cancellationToken">Stops between two tokens.</param>
    /// <returns>The new text alone, special tokens left out.</returns>
    public static string Generate(this CausalLM model, Tokenizer tokenizer, string prompt, GenerationOptions? options = null, CancellationToken cancellationToken = default) =>
        model.Generate(tokenizer, [prompt], options, cancellationToken)[0];

    /// <summary>Continues several prompts in one batch.</summary>
    public static IReadOnlyList<string> Generate(
        this CausalLM model, Tokenizer tokenizer, IReadOnlyList<string> prompts, GenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(prompts);
        IReadOnlyList<IReadOnlyList<int>> ids = [.. prompts.Select(prompt => tokenizer.EncodeToIds(prompt))];
        return [.. model.GenerateIds(ids, options, tokenizer, cancellationToken).Select(row => tokenizer.Decode(row, skipSpecialTokens: true))];
    }

    /// <summary>Continues prompts that are token ids already.</summary>
    /// <returns>The new ids of each row; the end token, if one was produced, is the last.</returns>
    public static IReadOnlyList<IReadOnlyList<int>> GenerateIds(
        this CausalLM model, IReadOnlyList<IReadOnlyList<int>> prompts, GenerationOptions? options = null, Tokenizer? tokenizer = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(prompts);
        var results = prompts.Select(_ => new List<int>()).ToArray();
        foreach (int[] step in Loop(model, tokenizer, options).Run(prompts, cancellationToken))
        {
            for (int row = 0; row < step.Length; row++)
            {
                if (step[row] >= 0)
                {
                    results[row].Add(step[row]);
                }
            }
        }

        return results;
    }

    /// <summary>Continues a prompt and yields pieces of text as soon as they are whole characters.</summary>
    public static async IAsyncEnumerable<string> GenerateStreaming(
        this CausalLM model, Tokenizer tokenizer, string prompt, GenerationOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(tokenizer);

        // A thread of its own: libtorch keeps worker threads for each thread that calls it, so a step must not hop between pool threads.
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Channel<string> pieces = Channel.CreateUnbounded<string>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
        Task work = Task.Factory.StartNew(
            () => Produce(model, tokenizer, prompt, options, pieces.Writer, stop.Token), stop.Token, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            await foreach (string piece in pieces.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                yield return piece;
            }
        }
        finally
        {
            // A consumer that leaves early stops the work before the model is used for something else.
            await stop.CancelAsync().ConfigureAwait(false);
            await work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await work.ConfigureAwait(false);
    }

    private static void Produce(CausalLM model, Tokenizer tokenizer, string prompt, GenerationOptions? options, ChannelWriter<string> writer, CancellationToken cancellationToken)
    {
        try
        {
            StreamingDecoder decoder = tokenizer.CreateStreamingDecoder();
            foreach (int[] step in Loop(model, tokenizer, options).Run([tokenizer.EncodeToIds(prompt)], cancellationToken))
            {
                if (decoder.Add(step[0]) is { Length: > 0 } piece)
                {
                    writer.TryWrite(piece);
                }
            }

            if (decoder.Flush() is { Length: > 0 } rest)
            {
                writer.TryWrite(rest);
            }

            writer.Complete();
        }
        catch (Exception e)
        {
            writer.Complete(e);
        }
    }

    private static GenerationLoop Loop(CausalLM model, Tokenizer? tokenizer, GenerationOptions? options)
    {
        IReadOnlyList<int> ends = EndIds(model, tokenizer);
        int pad = tokenizer?.PadId ?? model.Config.OptionalInteger("pad_token_id") ?? (ends.Count > 0 ? ends[0] : 0);
        return new GenerationLoop(model, options ?? new GenerationOptions(), ends, pad);
    }

    private static IReadOnlyList<int> EndIds(CausalLM model, Tokenizer? tokenizer)
    {
        string? path = model.SourceFolder is { } folder ? Path.Combine(folder, "generation_config.json") : null;
        if (File.Exists(path) && JsonNode.Parse(File.ReadAllText(path, Encoding.UTF8)) is JsonObject json && new ModelConfig(json, $"'{path}'").IdList("eos_token_id") is [_, ..] generation)
        {
            return generation;
        }

        int[] configured = model.Config.IdList("eos_token_id");
        return tokenizer?.EosId is { } end && !configured.Contains(end) ? [.. configured, end] : configured;
    }
}
