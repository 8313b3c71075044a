/** A suspended account signs in and is told so; it may do nothing else. */
import { definePolicy, deny } from 'fastify-gatehouse/policies'

export default definePolicy('account-state', [
  deny({ code: 'account_suspended', when: (user) => user.suspended === true }),
])
