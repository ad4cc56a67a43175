using System.Security.Cryptography;
using System.Text.Json;
using LoraSharp.Files;
using LoraSharp.Layers;
using LoraSharp.Models;
using LoraSharp.Quantization;
using LoraSharp.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Models;

/// <summary>Group smollm2 without its training cases: a real model from its files to logits, perplexity and greedy answers, in float32 and in NF4.</summary>
public partial class SmolLM2GoldenTests
{
    [Theory, GoldenCases("smollm2")]
    public void Golden(string name)
    {
        var golden = new GoldenCase("smollm2", name);
        using IDisposable threads = TestThreads.UseAll();
        string folder = golden.ModelFolder();
        switch (golden.Parameters.GetProperty("kind").GetString())
        {
            case "weights":
                golden.RequireKnownParameters("kind", "dtype", "quantization_config");
                CheckWeights(golden, folder);
                break;
            case "forward":
                golden.RequireKnownParameters("kind", "dtype", "quantization_config");
                CheckForward(golden, folder);
                break;
            case "perplexity":
                golden.RequireKnownParameters("kind", "dtype", "quantization_config");
                CheckPerplexity(golden, folder);
                break;
            case "generate":
                golden.RequireKnownParameters("kind", "dtype", "quantization_config", "do_sample", "max_new_tokens", "eos_token_id", "pad_token_id", "add_generation_prompt");
                CheckGenerate(golden, folder);
                break;
            case "quantize":
                golden.RequireKnownParameters("kind", "dtype", "quantization_config");
                CheckQuantize(golden, folder);
                break;
            case "sft":
                CheckTraining(golden, folder);
                break;
            case var other:
                Assert.Fail($"The runner does not know the kind '{other}'.");
                break;
        }
    }

    private static CausalLM Load(GoldenCase golden, string folder) => CausalLM.Load(folder, new LoadOptions
    {
        Dtype = TestTypes.Of(golden.Parameters.GetProperty("dtype").GetString()!),
        Quantization = golden.Parameters.GetProperty("quantization_config") is { ValueKind: JsonValueKind.Object } q
            ? new QuantizationConfig
            {
                Type = q.GetProperty("bnb_4bit_quant_type").GetString() == "nf4" ? FourBitType.Nf4 : FourBitType.Fp4,
                BlockSize = q.GetProperty("blocksize").GetInt32(),
                DoubleQuant = q.GetProperty("bnb_4bit_use_double_quant").GetBoolean(),
                ComputeType = TestTypes.Of(q.GetProperty("bnb_4bit_compute_dtype").GetString()!),
            }
            : null,
    });

    private static (double Absolute, double Relative) Tolerance(GoldenCase golden, string name)
    {
        JsonElement tolerance = golden.Root.GetProperty("tolerance");
        JsonElement chosen = tolerance.TryGetProperty("by_name", out JsonElement byName) && byName.TryGetProperty(name, out JsonElement special) ? special : tolerance;
        return (chosen.GetProperty("absolute").GetDouble(), chosen.GetProperty("relative").GetDouble());
    }

    private static void CheckWeights(GoldenCase golden, string folder)
    {
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        JsonElement expected = golden.Expected.GetProperty("tensors");
        Assert.Equal(expected.EnumerateObject().Select(t => t.Name).Order(StringComparer.Ordinal), checkpoint.Names.Order(StringComparer.Ordinal));
        foreach (JsonProperty tensor in expected.EnumerateObject())
        {
            using var scope = NewDisposeScope();
            Tensor value = checkpoint.Load(tensor.Name);
            Assert.Equal(TestTypes.Of(tensor.Value.GetProperty("dtype").GetString()!), value.dtype);
            Assert.Equal(tensor.Value.GetProperty("shape").EnumerateArray().Select(s => s.GetInt64()), value.shape);
            Tensor wide = value.to(ScalarType.Float64);
            GoldenTensors.AssertClose(tensor.Name, tensor.Value.GetProperty("sum").GetDouble(), wide.sum().item<double>(), golden.Absolute, golden.Relative);
            GoldenTensors.AssertClose(tensor.Name, tensor.Value.GetProperty("abs_sum").GetDouble(), wide.abs().sum().item<double>(), golden.Absolute, golden.Relative);
        }

        using CausalLM model = Load(golden, folder);
        Assert.Equal(golden.Expected.GetProperty("parameters").GetInt64(), model.TrainableParameters().Total);
    }

    private static void CheckForward(GoldenCase golden, string folder)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var tensors = new GoldenTensors(golden);
        using CausalLM model = Load(golden, folder);
        int[] ids = [.. golden.Inputs.GetProperty("input_ids").EnumerateArray().Select(i => i.GetInt32())];
        if (golden.Inputs.TryGetProperty("text", out JsonElement text) && text.ValueKind == JsonValueKind.String)
        {
            Assert.Equal(ids, Tokenizer.Load(folder).EncodeToIds(text.GetString()!));
        }

        var states = new List<Tensor>();
        Tensor input = tensor(ids.Select(i => (long)i).ToArray()).unsqueeze(0);
        Tensor hidden = model.HiddenStates(new TransformerInputs { Ids = input, Observe = state => states.Add(state.alias().DetachFromDisposeScope()) });
        Tensor logits = model.Head.call(hidden)[0];
        Close("expected.last_logits", logits[^1]);
        Close("expected.top20_logits", logits.gather(1, tensors["expected.top20_ids"].to(ScalarType.Int64)));
        Tensor logProbabilities = nn.functional.log_softmax(logits, -1).narrow(0, 0, ids.Length - 1).gather(1, input[0].narrow(0, 1, ids.Length - 1).unsqueeze(1)).squeeze(1);
        Close("expected.logprobs", logProbabilities);
        Assert.Equal(golden.Expected.GetProperty("argmax").EnumerateArray().Select(i => i.GetInt64()), logits.argmax(-1).data<long>().ToArray());
        Near("loss", golden.Expected.GetProperty("loss").GetDouble(), -logProbabilities.to(ScalarType.Float64).mean().item<double>(), "expected.logprobs");
        double[] sums = states[0][0].to(ScalarType.Float64).sum(-1).data<double>().ToArray();
        foreach ((double wanted, double actual) in golden.Expected.GetProperty("embedding_sums").EnumerateArray().Select(s => s.GetDouble()).Zip(sums))
        {
            Near("embedding_sums", wanted, actual, "embedding_sums");
        }

        if (tensors.Has("expected.hidden_first"))
        {
            Close("expected.hidden_first", states[1][0]);
            Close("expected.hidden_last", states[^1][0]);
            Close("expected.hidden_norm", hidden[0]);
        }

        states.ForEach(state => state.Dispose());

        void Close(string what, Tensor actual)
        {
            (double absolute, double relative) = Tolerance(golden, what);
            GoldenTensors.AssertClose(what, tensors[what], actual, absolute, relative);
        }

        void Near(string what, double expected, double actual, string toleranceOf)
        {
            (double absolute, double relative) = Tolerance(golden, toleranceOf);
            GoldenTensors.AssertClose(what, expected, actual, absolute, relative);
        }
    }

    private static void CheckPerplexity(GoldenCase golden, string folder)
    {
        using var noGrad = no_grad();
        using CausalLM model = Load(golden, folder);
        Tokenizer tokenizer = Tokenizer.Load(folder);
        JsonElement rows = golden.Expected.GetProperty("rows");
        double total = 0;
        long count = 0;
        int at = 0;
        foreach (JsonElement text in golden.Inputs.GetProperty("texts").EnumerateArray())
        {
            using var scope = NewDisposeScope();
            long[] ids = [.. tokenizer.EncodeToIds(text.GetString()!).Select(i => (long)i)];
            JsonElement row = rows[at++];
            Assert.Equal(row.GetProperty("tokens").GetInt32(), ids.Length);
            Tensor logits = model.Logits(tensor(ids).unsqueeze(0))[0].narrow(0, 0, ids.Length - 1);
            double loss = nn.functional.cross_entropy(logits, tensor(ids[1..])).to(ScalarType.Float64).item<double>();
            GoldenTensors.AssertClose("loss", row.GetProperty("loss").GetDouble(), loss, golden.Absolute, golden.Relative);
            total += loss * (ids.Length - 1);
            count += ids.Length - 1;
        }

        GoldenTensors.AssertClose("corpus_loss", golden.Expected.GetProperty("corpus_loss").GetDouble(), total / count, golden.Absolute, golden.Relative);
        GoldenTensors.AssertClose("log corpus_perplexity", Math.Log(golden.Expected.GetProperty("corpus_perplexity").GetDouble()), total / count, golden.Absolute, golden.Relative);
    }

    private static void CheckGenerate(GoldenCase golden, string folder)
    {
        using CausalLM model = Load(golden, folder);
        Tokenizer tokenizer = Tokenizer.Load(folder);
        var options = new GenerationOptions
        {
            MaxNewTokens = golden.Parameters.GetProperty("max_new_tokens").GetInt32(),
            EosTokenIds = [golden.Parameters.GetProperty("eos_token_id").GetInt32()],
        };
        Assert.False(golden.Parameters.GetProperty("do_sample").GetBoolean());
        JsonElement[] rows = [.. golden.Expected.GetProperty("rows").EnumerateArray()];
        for (int i = 0; i < rows.Length; i++)
        {
            string prompt = rows[i].GetProperty("prompt").GetString()!;
            Assert.Equal(prompt, tokenizer.ApplyChatTemplate(Messages(golden.Inputs.GetProperty("conversations")[i]), addGenerationPrompt: true));
            Assert.Equal(Ints(rows[i], "input_ids"), tokenizer.EncodeToIds(prompt));
        }

        // One by one, and as one batch with left padding: the answers are the same.
        IReadOnlyList<IReadOnlyList<int>> prompts = [.. rows.Select(row => Ints(row, "input_ids"))];
        IReadOnlyList<IReadOnlyList<int>> batched = model.GenerateIds(prompts, options);
        for (int i = 0; i < rows.Length; i++)
        {
            int[] expected = Ints(rows[i], "new_ids");
            Assert.Equal(expected, model.GenerateIds([prompts[i]], options)[0]);
            Assert.Equal(expected, batched[i]);
            Assert.Equal(rows[i].GetProperty("text").GetString(), tokenizer.Decode(expected, skipSpecialTokens: true));
            Assert.Equal(rows[i].GetProperty("finish").GetString() == "eos", expected[^1] == options.EosTokenIds[0]);
        }
    }

    private static void CheckQuantize(GoldenCase golden, string folder)
    {
        using CausalLM model = Load(golden, folder);
        Dictionary<string, Linear> layers = model.named_modules().Where(m => m.module is Linear { Weight: FourBitWeight }).ToDictionary(m => m.name, m => (Linear)m.module);
        JsonElement expected = golden.Expected.GetProperty("layers");
        Assert.Equal(expected.EnumerateObject().Select(l => l.Name).Order(StringComparer.Ordinal), layers.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(
            golden.Expected.GetProperty("not_quantized").EnumerateArray().Select(l => l.GetString()),
            model.named_modules().Where(m => m.module is Linear { Weight: DenseWeight }).Select(m => m.name));
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        int exact = 0;
        foreach (JsonProperty layer in expected.EnumerateObject())
        {
            using var scope = NewDisposeScope();
            var weight = (FourBitWeight)layers[layer.Name].Weight;
            Assert.Equal(layer.Value.GetProperty("shape").EnumerateArray().Select(s => s.GetInt64()), [weight.OutFeatures, weight.InFeatures]);
            Assert.Equal(layer.Value.GetProperty("packed_sha256").GetString(), Hash(weight.Data.Packed.Span));
            (double absolute, double relative) = Tolerance(golden, "nested_offset");
            double offset = layer.Value.GetProperty("nested_offset").GetDouble();
            GoldenTensors.AssertClose($"{layer.Name} offset", offset, weight.Data.Nested!.Offset, absolute, relative);

            exact += (float)offset == weight.Data.Nested.Offset ? 1 : 0;

            // The codes of the scales follow from the reference's own mean, which may differ from the exact one in its last bits.
            float[] plain = FourBit.Quantize<float>(checkpoint.Load(layer.Name + ".weight", ScalarType.Float32).data<float>().ToArray(), weight.Data.Type, weight.Data.BlockSize).Absmax.ToArray();
            byte[] codes = new byte[plain.Length];
            float[] shifted = [.. plain.Select(a => a - (float)offset)], nested = new float[(plain.Length + 255) / 256];
            Blockwise8Bit.Quantize<float>(shifted, DynamicMap.Signed, 256, codes, nested);
            Assert.Equal(layer.Value.GetProperty("absmax_sha256").GetString(), Hash(codes));
            Tensor dense = weight.Dequantize(ScalarType.Float32).to(ScalarType.Float64);
            (absolute, relative) = Tolerance(golden, "dequantized_sum");
            GoldenTensors.AssertClose($"{layer.Name} sum", layer.Value.GetProperty("dequantized_sum").GetDouble(), dense.sum().item<double>(), absolute, relative);
            (absolute, relative) = Tolerance(golden, "dequantized_abs_sum");
            GoldenTensors.AssertClose($"{layer.Name} absolute sum", layer.Value.GetProperty("dequantized_abs_sum").GetDouble(), dense.abs().sum().item<double>(), absolute, relative);
        }

        TestContext.Current.SendDiagnosticMessage($"{exact} of {layers.Count} offsets equal the reference's to the last bit");

        static string Hash(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
    }

    private static int[] Ints(JsonElement row, string key) => [.. row.GetProperty(key).EnumerateArray().Select(i => i.GetInt32())];

    private static ChatMessage[] Messages(JsonElement conversation) =>
        [.. conversation.EnumerateArray().Select(m => new ChatMessage(m.GetProperty("role").GetString()!, m.GetProperty("content").GetString()))];
}
