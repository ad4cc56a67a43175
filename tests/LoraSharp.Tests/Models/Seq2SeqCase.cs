using LoraSharp.Models;
using LoraSharp.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraSharp.Tests.Models;

/// <summary>Encoder-decoder models: both halves, loss, gradients, greedy continuation through the caches.</summary>
internal static class Seq2SeqCase
{
    public static void Check(GoldenCase golden)
    {
        using var scope = NewDisposeScope();
        using var tensors = new GoldenTensors(golden);
        using Seq2SeqLM model = Seq2SeqLM.Load(golden.ModelFolder(), CaseChecks.Options(golden));
        Tensor ids = tensors["input.input_ids"];
        Tensor? mask = tensors.Find("input.attention_mask"), labels = tensors.Find("input.labels");
        Tensor decoderIds = tensors.Find("input.decoder_input_ids") ?? model.ShiftRight(labels!);
        Tensor encoded = model.Encode(ids, mask);
        tensors.AssertClose("expected.encoder_last_hidden_state", encoded, mask?.unsqueeze(-1));
        Tensor last = model.DecoderStates(decoderIds, encoded, mask, cache: null);
        tensors.AssertClose("expected.last_hidden_state", last);
        Tensor logits = model.ProjectLogits(last);
        tensors.AssertClose("expected.logits", logits);
        CaseChecks.Gradients(golden, tensors, model, wanted => TaskLoss.CrossEntropy(logits, wanted, CaseChecks.Items(golden)));
        using var noGrad = no_grad();
        CheckCache(golden, model, encoded, mask, decoderIds, tensors["expected.logits"]);
        CheckGreedy(golden, tensors, model);
    }

    // Token by token through the caches gives the same logits as all at once.
    private static void CheckCache(GoldenCase golden, Seq2SeqLM model, Tensor encoded, Tensor? mask, Tensor decoderIds, Tensor expected)
    {
        using Seq2SeqCache cache = model.NewCache();
        for (int i = 0; i < decoderIds.shape[1]; i++)
        {
            Tensor logits = model.Decode(decoderIds.narrow(1, i, 1), encoded, mask, cache);
            GoldenTensors.AssertClose($"cached logits {i}", expected.narrow(1, i, 1), logits, golden.Absolute, golden.Relative);
        }
    }

    private static void CheckGreedy(GoldenCase golden, GoldenTensors tensors, Seq2SeqLM model)
    {
        if (golden.Parameters.GetProperty("max_new_tokens").GetInt32() == 0)
        {
            return;
        }

        Tensor expectedIds = tensors["expected.generated_ids"], expectedLogits = tensors["expected.generated_logits"];
        Tensor? mask = tensors.Find("input.prompt_attention_mask");
        Tensor encoded = model.Encode(tensors["input.prompt_input_ids"], mask);
        Tensor next = full(expectedIds.shape[0], 1, model.DecoderStartTokenId, dtype: ScalarType.Int64);
        using Seq2SeqCache cache = model.NewCache();
        for (int i = 0; i < expectedIds.shape[1]; i++)
        {
            Tensor logits = model.Decode(next, encoded, mask, cache).squeeze(1);
            GoldenTensors.AssertClose($"generated logits {i}", expectedLogits.select(1, i), logits, golden.Absolute, golden.Relative);
            next = logits.argmax(-1, keepdim: true);
            Assert.Equal(expectedIds.select(1, i).data<long>().ToArray(), next.squeeze(1).data<long>().ToArray());
        }
    }
}
