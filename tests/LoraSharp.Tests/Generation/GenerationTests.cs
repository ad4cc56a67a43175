using LoraSharp.Tests.Golden;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Generation;

public sealed class GenerationTests : IDisposable
{
    private readonly CausalLM _model = CausalLM.Load(GoldenFolder.ModelFolder("llama-tiny")!);
    private readonly Tokenizer _tokenizer = Tokenizer.Load(GoldenFolder.ModelFolder("llama-tiny")!);

    public static TheoryData<bool> Sampling => [false, true];

    public void Dispose() => _model.Dispose();

    [Theory]
    [MemberData(nameof(Sampling))]
    public async Task Streamed_pieces_are_the_text(bool sample)
    {
        foreach (string prompt in (string[])["hello", "How many are 3 and one?", "é 😀 x", " "])
        {
            var options = new GenerationOptions { MaxNewTokens = 40, DoSample = sample, Seed = 3 };
            List<string> pieces = [];
            await foreach (string piece in _model.GenerateStreaming(_tokenizer, prompt, options, TestContext.Current.CancellationToken))
            {
                pieces.Add(piece);
            }

            Assert.Equal(_model.Generate(_tokenizer, prompt, options, TestContext.Current.CancellationToken), string.Concat(pieces));
            Assert.True(pieces.Count > 1);
        }
    }

    [Fact]
    public void A_batch_answers_as_its_rows_do_alone()
    {
        int[][] prompts = [[5], [9, 20, 33, 41, 7, 8], [100, 3], [9, 20, 33, 41, 7, 8]];
        var options = new GenerationOptions { MaxNewTokens = 25 };
        IReadOnlyList<IReadOnlyList<int>> batch = _model.GenerateIds(prompts, options, _tokenizer);
        Assert.All(prompts.Select((prompt, i) => (prompt, i)), item => Assert.Equal(_model.GenerateIds([item.prompt], options, _tokenizer)[0], batch[item.i]));
    }

    [Fact]
    public void A_row_that_has_ended_stays_ended()
    {
        var options = new GenerationOptions { MaxNewTokens = 10, EosTokenIds = [-1] };
        int[][] prompts = [[5], [9, 20, 33]];
        IReadOnlyList<IReadOnlyList<int>> free = _model.GenerateIds(prompts, options);

        // The third token of the first row becomes the end.
        int end = free[0][2];
        IReadOnlyList<IReadOnlyList<int>> ended = _model.GenerateIds(prompts, options with { EosTokenIds = [end] });
        for (int row = 0; row < 2; row++)
        {
            int at = free[row].ToList().IndexOf(end);
            Assert.Equal(at < 0 ? free[row] : free[row].Take(at + 1), ended[row]);
        }
    }

    [Fact]
    public void A_seed_makes_sampling_repeatable_and_leaves_the_global_generator_alone()
    {
        var options = new GenerationOptions { MaxNewTokens = 20, DoSample = true, Temperature = 1.5, Seed = 1 };
        using Tensor before = get_rng_state();
        IReadOnlyList<int> once = _model.GenerateIds([[5, 6]], options)[0];
        Assert.Equal(once, _model.GenerateIds([[5, 6]], options)[0]);
        Assert.NotEqual(once, _model.GenerateIds([[5, 6]], options with { Seed = 2 })[0]);
        using Tensor after = get_rng_state();
        Assert.True(before.eq(after).all().item<bool>());
    }

    [Fact]
    public async Task Cancelling_stops_generation_and_the_model_stays_usable()
    {
        using var stop = new CancellationTokenSource();
        int pieces = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (string _ in _model.GenerateStreaming(_tokenizer, "hello", new GenerationOptions { MaxNewTokens = 100_000, EosTokenIds = [-1] }, stop.Token))
            {
                if (++pieces == 3)
                {
                    await stop.CancelAsync();
                }
            }
        });
        Assert.ThrowsAny<OperationCanceledException>(() => _model.Generate(_tokenizer, "hello", null, stop.Token));
        Assert.NotEmpty(_model.GenerateIds([[5]]));
    }

    [Fact]
    public void A_large_limit_claims_no_memory()
    {
        // The first token ends the text.
        int end = _model.GenerateIds([[5, 6, 7]], new GenerationOptions { MaxNewTokens = 1 })[0][0];
        Assert.Equal([end], _model.GenerateIds([[5, 6, 7]], new GenerationOptions { MaxNewTokens = int.MaxValue, EosTokenIds = [end] })[0]);
    }

    [Fact]
    public void Prompts_that_cannot_be_are_refused()
    {
        Assert.Throws<ArgumentException>(() => _model.GenerateIds([]));
        Assert.Throws<ArgumentException>(() => _model.GenerateIds([[5], []]));
        Assert.Contains("token id 320", Assert.Throws<ArgumentException>(() => _model.GenerateIds([[5, 320]])).Message, StringComparison.Ordinal);
        Assert.Contains("token id -1", Assert.Throws<ArgumentException>(() => _model.GenerateIds([[-1, 5]])).Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, GenerationOptions> Wrong => new()
    {
        { nameof(GenerationOptions.MaxNewTokens), new() { MaxNewTokens = 0 } },
        { nameof(GenerationOptions.Temperature), new() { Temperature = 0 } },
        { nameof(GenerationOptions.Temperature), new() { Temperature = double.NaN } },
        { nameof(GenerationOptions.TopK), new() { TopK = -1 } },
        { nameof(GenerationOptions.TopP), new() { TopP = 0 } },
        { nameof(GenerationOptions.TopP), new() { TopP = 1.01 } },
        { nameof(GenerationOptions.TopP), new() { TopP = double.NaN } },
        { nameof(GenerationOptions.RepetitionPenalty), new() { RepetitionPenalty = 0 } },
        { nameof(GenerationOptions.RepetitionPenalty), new() { RepetitionPenalty = double.PositiveInfinity } },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Options_out_of_range_are_named(string name, GenerationOptions options)
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => _model.GenerateIds([[5]], options));
        Assert.Contains($"GenerationOptions.{name} must be", error.Message, StringComparison.Ordinal);
    }
}
